"""Model files that would fill the memory, or are no models, end before Keras reads them."""

import zipfile
from io import BytesIO

import h5py
import keras
import numpy as np
import pytest

from keras_cxr._support.disk.archives import check_model_archive
from keras_cxr.errors import DataError
from keras_cxr.inference import load_classifier
from keras_cxr.models.files import read_model

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    file = tmp_path_factory.mktemp("model") / "model.keras"
    inputs = keras.Input((8, 8, 1))
    hidden = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden)).save(file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members, pack=zipfile.ZIP_STORED, **changes):
    with zipfile.ZipFile(path, "w", pack) as archive:
        for name, content in ({**members, **changes}).items():
            if content is not None:
                archive.writestr(name, content)
    return path


def padded(members):
    return {CONFIG: members[CONFIG] + b" " * (64 << 20)}


def weights(**options):
    held = BytesIO()
    with h5py.File(held, "w") as file:
        file.create_dataset("layers/dense/vars/0", **options)
    return {WEIGHTS: held.getvalue()}


PACKED = {"pack": zipfile.ZIP_DEFLATED}
DAMAGES = {
    "a padded configuration": (padded, PACKED, r"bytes would unpack to 67,\d{3},\d{3}"),
    "one that is not packed": (padded, {}, r"config\.json has 67,\d{3},\d{3} bytes, more than"),
    "weights of zeros": (lambda _: {WEIGHTS: bytes(64 << 20)}, PACKED, "would unpack to 67"),
    "packed arrays": (
        lambda _: weights(shape=(4096, 4096), dtype="f4", compression="gzip", fillvalue=0),
        {},
        "bytes of weights would unpack to 67,108,864",
    ),
    "arrays elsewhere": (
        lambda _: weights(shape=(8,), dtype="f4", external=[("/etc/hostname", 0, 32)]),
        {},
        "its weights lie in another file",
    ),
    "too many units": (
        lambda members: {CONFIG: members[CONFIG].replace(b'"units": 2', b'"units": 94444444')},
        {},
        "a layer asks for 94,444,444 units, and its widest weight has 3",
    ),
    "another member": (lambda _: {"setup.py": b""}, {}, "it holds 'setup.py', which no model has"),
    "no configuration": (lambda _: {CONFIG: None}, {}, r"it lacks config\.json"),
    "no JSON": (lambda _: {CONFIG: b"{"}, {}, r"it is damaged \(is no JSON"),
    "no HDF5": (lambda _: {WEIGHTS: b"x" * 99}, {}, "it is damaged"),
    "no weights": (lambda _: {WEIGHTS: None}, {}, "cannot be read as a Keras model"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_archives_are_looked_at_before_they_are_unpacked(members, damage, tmp_path):
    change, options, words = DAMAGES[damage]
    file = write(tmp_path / "model.keras", members, **options, **change(members))
    for read in (read_model, load_classifier):
        with pytest.raises(DataError, match=words) as caught:
            read(file)
        assert str(file) in str(caught.value)


def test_whole_archives_are_read_also_packed_anew(members, tmp_path):
    stored = read_model(write(tmp_path / "stored.keras", members))
    packed = read_model(write(tmp_path / "packed.keras", members, zipfile.ZIP_DEFLATED))
    for one, other in zip(stored.get_weights(), packed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_no_archive_is_named(tmp_path):
    for content in (b"", b"text", b"PK\x03\x04" + bytes(100)):
        (tmp_path / "model.keras").write_bytes(content)
        with pytest.raises(DataError, match=r"model\.keras cannot be read as a Keras model: it is"):
            read_model(tmp_path / "model.keras")


def test_large_models_are_looked_at_quickly(tmp_path):
    """No array is read, however large."""
    model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(5000)])
    model.save(tmp_path / "wide.keras")
    check_model_archive(tmp_path / "wide.keras")
