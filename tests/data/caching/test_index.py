import hashlib
import json

import numpy as np
import pytest

from keras_cxr.data.caching.index import (
    INDEX_NAME,
    DamagedError,
    Earlier,
    Index,
    OutdatedError,
    create_array,
    open_arrays,
    read_index,
    shapes,
    signature,
    write_index,
)
from keras_cxr.data.caching.reading import Record
from keras_cxr.data.catalog import Entry

ENTRIES = (
    Entry("a/1.png", "a", size=10, time=1, mask="a/masks/1.png", mask_size=5, mask_time=2),
    Entry("b/2.png", "b", size=20, time=3),
)
RECORDS = [Record(checksum=7, mask_checksum=9, patient="1"), Record(error="truncated", narrow=True)]
INDEX = Index(
    "films", (4, 6), "pixels-0a.u8", "masks-0a.bits", [signature(one) for one in ENTRIES], RECORDS
)


def test_an_index_is_read_as_it_was_written(tmp_path):
    write_index(tmp_path, INDEX)
    found = read_index(tmp_path)
    assert found == INDEX
    assert found.describes(ENTRIES)
    assert not found.describes(ENTRIES[::-1])
    assert not found.describes(ENTRIES[:1])
    assert not found.describes((ENTRIES[0], ENTRIES[1]._replace(time=4)))


def written(folder, **changes):
    content = {"schema_version": 2, **INDEX.__dict__, **changes}
    body = json.dumps(content, separators=(",", ":")).encode()
    (folder / INDEX_NAME).write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def test_what_is_no_index_is_told_from_what_an_earlier_release_wrote(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"index\.json"):
        read_index(tmp_path)
    written(tmp_path)
    assert read_index(tmp_path) == INDEX
    written(tmp_path, schema_version=1)
    with pytest.raises(OutdatedError, match="an earlier release wrote"):
        read_index(tmp_path)
    written(tmp_path, schema_version=3)
    with pytest.raises(DamagedError, match="schema version 3"):
        read_index(tmp_path)
    written(tmp_path, images="../pixels.u8")
    with pytest.raises(DamagedError, match="not a file of pixels"):
        read_index(tmp_path)
    written(tmp_path, records=INDEX.records[:1])
    with pytest.raises(DamagedError, match="rows of another form"):
        read_index(tmp_path)
    written(tmp_path)
    content = (tmp_path / INDEX_NAME).read_bytes()
    (tmp_path / INDEX_NAME).write_bytes(content.replace(b"films", b"filMs"))
    with pytest.raises(DamagedError, match="does not match its checksum"):
        read_index(tmp_path)


def test_arrays_are_opened_at_their_length_only(tmp_path):
    for name, shape in zip(("pixels-0a.u8", "masks-0a.bits"), shapes(2, (4, 6)), strict=True):
        create_array(tmp_path / name, shape)[:] = 3
    images, masks = open_arrays(tmp_path, INDEX)
    assert images.shape == (2, 4, 6)
    assert masks.shape == (2, 3)
    assert not images.flags.writeable
    assert (images == 3).all()
    del images, masks
    (tmp_path / "masks-0a.bits").write_bytes(b"12345")
    with pytest.raises(DamagedError, match=r"masks-0a\.bits has 5 bytes instead of 6"):
        open_arrays(tmp_path, INDEX)
    (tmp_path / "pixels-0a.u8").unlink()
    with pytest.raises(DamagedError, match=r"pixels-0a\.u8 is missing"):
        open_arrays(tmp_path, INDEX)


def test_rows_of_a_stale_cache_are_used_where_file_and_pixels_are_unchanged(tmp_path):
    import zlib

    pixels, bits = np.full((4, 6), 8, np.uint8), np.full(3, 255, np.uint8)
    good = RECORDS[0]._replace(checksum=zlib.crc32(pixels), mask_checksum=zlib.crc32(bits))
    index = Index("films", (4, 6), INDEX.images, INDEX.masks, INDEX.signatures, [good, RECORDS[1]])
    arrays = [
        create_array(tmp_path / name, shape)
        for name, shape in zip((INDEX.images, INDEX.masks), shapes(2, (4, 6)), strict=True)
    ]
    arrays[0][0], arrays[1][0] = pixels, bits
    earlier = Earlier(tmp_path, index)
    record, picture = earlier(ENTRIES[0])
    assert record == good
    np.testing.assert_array_equal(picture[0], pixels)
    np.testing.assert_array_equal(picture[1], bits)
    assert earlier(ENTRIES[1]) == (RECORDS[1], None)  # known to be bad: not read again
    assert earlier(ENTRIES[0]._replace(size=11)) is None
    assert ENTRIES[0] in earlier
    arrays[0][0, 0, 0] = 9
    arrays[0].flush()
    assert earlier(ENTRIES[0]) is None
