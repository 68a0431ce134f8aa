"""The pictures that an export is calibrated on and asked about."""

import numpy as np
import pytest

import keras_cxr
from keras_cxr import export
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.exports.pictures import choose_pictures
from keras_cxr.exports.sources import open_source
from keras_cxr.phantoms.fitted import draw_pictures


@pytest.fixture
def source(lenet):
    return open_source(lenet, class_names=None, calibrate=True, custom_objects=None)


def test_pictures_have_the_size_and_differ():
    for size, channels in (((20, 48), 1), ((64, 64), 3)):
        pictures = draw_pictures(size, channels)
        assert pictures.shape == (16, *size, channels)
        assert pictures.dtype == np.uint8
        assert len({picture.tobytes() for picture in pictures}) == 16


def test_none_is_both_calibrated_on_and_asked_about(source, phantoms):
    for folder in (None, phantoms):
        found = choose_pictures(source, quantizes=True, folder=folder)
        asked, calibrating = (
            {picture.tobytes() for picture in part} for part in (found.asked, found.calibrating)
        )
        assert len(asked) == len(found.asked)
        assert not asked & calibrating
    assert choose_pictures(source, quantizes=False, folder=None).calibrating.shape[0] == 0


def test_a_folders_films_are_counted(source, phantoms, tmp_path):
    found = choose_pictures(source, quantizes=True, folder=phantoms)
    assert found.asked.shape == found.calibrating.shape == (24, 32, 32, 1)
    assert found.called == "films of one's own"
    assert found.notes[0].startswith("Its ranges were calibrated on 24 of the 48 films given")
    assert "masks" in found.notes[1]
    films = keras_cxr.make_phantoms(tmp_path / "films", images_per_class=3, image_size=(40, 40))
    (films / "COVID" / "images" / "COVID-1.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    found = choose_pictures(source, quantizes=True, folder=films)
    assert "1 films could not be read, the first: " in found.notes[1]


def test_too_few_are_refused(source, tmp_path):
    with pytest.raises(NotFoundError, match="There is no file or folder"):
        choose_pictures(source, quantizes=True, folder=tmp_path / "none")
    films = keras_cxr.make_phantoms(tmp_path / "films", images_per_class=1, image_size=(40, 40))
    with pytest.raises(InvalidArgumentError, match=r"holds 4 image\(s\): at least 8 are needed"):
        choose_pictures(source, quantizes=True, folder=films)
    for number in range(8):
        (films / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with pytest.raises(DataError, match=r"Of the 12 images .* 4 can be read, and 8 are needed"):
        choose_pictures(source, quantizes=True, folder=films)


def test_only_whole_numbers_have_ranges(lenet, tmp_path, phantoms):
    with pytest.raises(InvalidArgumentError, match=r"keras has none: leave it out, or pass format"):
        export(lenet, tmp_path / "out", format="keras", calibrate_on=phantoms)
