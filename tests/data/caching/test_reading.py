import zlib

import numpy as np
import pytest

from keras_cxr.data import find_images, read_image
from keras_cxr.data.caching.reading import Record, Reused, read_all, read_entry, unpack
from keras_cxr.data.files.images import lung_mask
from tests.data.helpers import kaggle

SIZE = (12, 16)


@pytest.fixture
def catalog(tmp_path):
    folder = kaggle(tmp_path, counts={"COVID": 40, "Normal": 3})
    (folder / "Normal" / "images" / "Normal-2.png").write_bytes(b"no image")
    (folder / "Normal" / "masks" / "Normal-1.png").write_bytes(b"no mask")
    return find_images(folder)


def test_there_is_a_record_for_each_entry_and_good_pixels_go_to_the_sink(catalog):
    seen = {}
    records = read_all(
        catalog, SIZE, sink=lambda row, *picture: seen.update({row: picture}), verbose=False
    )
    assert len(records) == len(catalog.entries) == 43
    assert [row for row in range(43) if records[row].error] == [41]
    assert "not a PNG" in records[41].error
    assert "not a PNG" in records[40].mask_error
    assert sorted(seen) == [row for row in range(43) if row != 41]
    for row, (image, bits) in seen.items():
        path = catalog.path(catalog.entries[row].file)
        np.testing.assert_array_equal(image, read_image(path, SIZE)[..., 0])
        assert records[row].checksum == zlib.crc32(image)
        if row == 40:
            assert (bits, records[row].mask_checksum) == (None, -1)
            continue
        assert records[row].mask_checksum == zlib.crc32(bits)
        mask = lung_mask(catalog.path(catalog.entries[row].mask), SIZE)
        np.testing.assert_array_equal(unpack(bits, SIZE), mask * np.uint8(255))


def test_what_is_known_is_not_read_again(catalog):
    known = Record(checksum=5)
    entries = catalog.entries
    bad = entries[41]._replace(file="Normal/images/gone.png")
    moved = catalog.__class__(catalog.root, "", "", (*entries[:2], bad))
    records = read_all(
        moved,
        SIZE,
        earlier=lambda entry: None if entry == bad else Reused(known, None),
        verbose=False,
    )
    assert records[:2] == [known, known]
    assert records[2].denied
    assert "cannot be read (No such file" in records[2].error


def test_a_mistake_is_no_bad_file(catalog, monkeypatch):
    def mistake(data, intensity):
        raise KeyError("a mistake in the program")

    monkeypatch.setattr("keras_cxr.data.caching.reading.grey_film", mistake)
    with pytest.raises(KeyError, match="a mistake in the program"):
        read_entry(catalog, catalog.entries[0], SIZE)
