"""`load_export`: a model that looks at its images, in its own runtime."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from keras_cxr.errors import InvalidArgumentError, NotFoundError
from keras_cxr.exports import load_export
from keras_cxr.phantoms.fitted import draw_pictures
from tests.exports.conftest import NAMES


@pytest.fixture(scope="module")
def model(exported):
    return load_export(exported.folder)


def test_it_answers_as_the_model_does(model, lenet):
    pixels = draw_pictures((32, 32), 1, count=9)
    expected = lenet.predict_on_batch(pixels.astype(np.float32))
    for batch_size in (2, 32):
        found = model.predict(pixels, batch_size=batch_size)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(model.predict(pixels[..., 0]), model.predict(pixels))
    assert model.predict(pixels[:0]).shape == (0, 4)
    assert (model.class_names, model.image_size) == (NAMES, (32, 32))
    assert (model.color_mode, model.intensity) == ("grayscale", "stored")


def test_threads_and_copies_answer_alike(model):
    pixels = draw_pictures((32, 32), 1)
    expected = model.predict(pixels)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(model.predict, [pixels] * 8):
            np.testing.assert_array_equal(found, expected)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(pixels), expected)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (
            np.zeros((2, 32, 32, 3), np.uint8),
            r"must be \(batch, 32, 32, 1\), received shape \(2, 32",
        ),
        (np.zeros((32, 32), np.uint8), r"read_image\(file, \(32, 32\), 'grayscale', intensity='st"),
        (np.zeros((1, 32, 32, 1), np.float32), r"must be uint8 in \[0, 255\], received float32"),
        ([], r"received shape \(0,\)"),
        ("film.png", r"received shape \(\)"),
    ],
)
def test_other_images_are_refused(model, images, words):
    with pytest.raises(InvalidArgumentError, match=words):
        model.predict(images)


def test_batches_hold_at_least_one(model):
    with pytest.raises(InvalidArgumentError, match="batch_size must be an integer from 1"):
        model.predict(draw_pictures((32, 32), 1), batch_size=0)


def test_a_folder_that_holds_none_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"holds no export\.json"):
        load_export(tmp_path)
