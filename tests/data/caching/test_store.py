"""Where pixels come from: arrays, files, and memory maps that are checked row by row."""

import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest

from keras_cxr.data import find_images
from keras_cxr.data.caching.reading import Record
from keras_cxr.data.caching.store import ArrayStore, FileStore, MappedStore
from keras_cxr.errors import DataError
from tests.data.helpers import kaggle, picture

SIZE = (16, 16)


def test_arrays_without_masks_have_no_lungs():
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    store = ArrayStore(images)
    np.testing.assert_array_equal(store.image(1), images[1])
    np.testing.assert_array_equal(store.mask(1), np.zeros((2, 2)))
    masks = np.full((2, 2, 2), 255, np.uint8)
    np.testing.assert_array_equal(ArrayStore(images, masks).mask(0), masks[0])


@pytest.fixture
def files(tmp_path):
    """The catalog of a folder, and what reads its files."""
    catalog = find_images(kaggle(tmp_path, counts={"COVID": 2, "Normal": 1}))
    records = [Record(mask_checksum=1), Record(), Record(mask_checksum=1)]
    return catalog, FileStore(catalog, SIZE, records)


def test_files_are_decoded_whenever_they_are_asked_for(files):
    catalog, store = files
    assert store.image(0).shape == SIZE
    assert store.image(0).dtype == np.uint8
    assert set(np.unique(store.mask(0))) == {0, 255}
    assert not store.mask(1).any()  # no good mask was found when the folder was read
    Path(catalog.path(catalog.entries[2].file)).write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"Normal-1\.png has changed since the data set was made"):
        store.image(2)


class Maps:
    """Opens three images and their packed masks, as a cache does; a class, to be pickled."""

    images = np.stack([picture(number, SIZE) for number in range(3)])
    bits = np.stack([np.packbits(picture(number, SIZE) > 120) for number in range(3)])

    def __call__(self):
        return self.images.copy(), self.bits.copy()


class Told(list):
    def __call__(self):
        self.append("damage")


def mapped(files, *, images, bits):
    records = [
        Record(checksum=zlib.crc32(image.data), mask_checksum=zlib.crc32(mask.data))
        for image, mask in zip(Maps.images, Maps.bits, strict=True)
    ]
    told = Told()
    store = MappedStore(images, bits, records, files=files[1], on_damage=told, open_again=Maps())
    return store, told


def test_mapped_rows_are_checked_and_masks_unpacked(files):
    store, told = mapped(files, images=Maps.images.copy(), bits=Maps.bits.copy())
    for row in range(3):
        np.testing.assert_array_equal(store.image(row), Maps.images[row])
        np.testing.assert_array_equal(store.mask(row), 255 * (Maps.images[row] > 120))
    assert told == []


def test_damaged_rows_come_from_their_files_and_are_told_once(files):
    images, bits = Maps.images.copy(), Maps.bits.copy()
    images[0] ^= 1
    images[1] ^= 1
    bits[0] ^= 1
    store, told = mapped(files, images=images, bits=bits)
    np.testing.assert_array_equal(store.image(0), files[1].image(0))
    np.testing.assert_array_equal(store.mask(0), files[1].mask(0))
    store.image(1)
    np.testing.assert_array_equal(store.image(2), Maps.images[2])
    assert told == ["damage"]


def test_another_process_opens_the_maps_again(files):
    store, _ = mapped(files, images=Maps.images.copy(), bits=Maps.bits.copy())
    sent = pickle.dumps(store)
    assert Maps.images[0].tobytes() not in sent
    np.testing.assert_array_equal(pickle.loads(sent).image(2), Maps.images[2])
