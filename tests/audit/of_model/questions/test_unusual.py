"""Planted pictures of another kind."""

import numpy as np
import pytest

from keras_cxr.audit.of_model.questions.unusual import PLANTED

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 20, 30, 1)).astype(np.float32)


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_pictures_are_images_of_the_same_shape(kind):
    before = IMAGES.copy()
    planted = PLANTED[kind](IMAGES, np.random.default_rng(1))
    assert (planted.shape, planted.dtype) == (IMAGES.shape, np.float32)
    assert 0 <= planted.min() <= planted.max() <= 255
    np.testing.assert_array_equal(IMAGES, before)
    again = PLANTED[kind](IMAGES, np.random.default_rng(1))
    np.testing.assert_array_equal(planted, again)


def test_planted_pictures_are_what_they_are_called():
    planted = {kind: make(IMAGES, np.random.default_rng(1)) for kind, make in PLANTED.items()}
    np.testing.assert_allclose(planted["inverted X-rays"] + IMAGES, 255)
    np.testing.assert_array_equal(planted["X-rays upside down"], np.rot90(IMAGES, 2, (1, 2)))
    square = IMAGES[:, :20, :20]
    turned = PLANTED["X-rays on their side"](square, np.random.default_rng(1))
    np.testing.assert_array_equal(turned, np.rot90(square, 1, (1, 2)))
    assert planted["noise"].std() > 60
    assert (np.ptp(planted["one grey"], axis=(1, 2, 3)) == 0).all()
