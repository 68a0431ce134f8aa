"""What is put in a pixel's place, and the arithmetic of curves and drops."""

import numpy as np
import pytest

from keras_cxr.explain.faithfulness.perturbation import (
    ClassProbability,
    area_under,
    average_drop,
    curve,
    filled,
    kept,
)
from tests.explain.all_methods import reader


def test_blur_keeps_the_brightness_and_takes_the_pattern():
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    blurred = filled(images, "blur")
    assert blurred.shape == images.shape
    assert blurred.mean() == pytest.approx(images.mean(), rel=0.02)
    assert blurred.std() < images.std() / 10
    grey = filled(images[..., :1], "blur")
    np.testing.assert_allclose(grey, blurred[..., :1], atol=1e-3)


def test_a_number_is_one_grey_value():
    assert (filled(np.zeros((1, 2, 2, 1), np.float32), 7) == 7).all()


def test_batches_do_not_change_the_probabilities():
    model = reader((np.full((2, 2), 0.01), -1.0))
    images = np.random.default_rng(0).uniform(0, 100, (7, 2, 2, 1)).astype(np.float32)
    classes = np.array([0, 1, 0, 1, 0, 1, 0], np.int32)
    expected = 1 / (1 + np.exp(1 - 0.01 * images.sum(axis=(1, 2, 3))))
    expected[::2] = 1 - expected[::2]
    for size in (1, 3, 7, 100):
        found = ClassProbability(model, classes, size)(images)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_pixels_change_from_the_hottest_on():
    model = reader((np.array([[0.02, 0], [0, 0]]), -1.0))  # only the first pixel is read
    images = np.full((1, 2, 2, 1), 100, np.float32)
    probability = ClassProbability(model, np.array([1], np.int32), 8)
    shown, gone = 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))
    options = {"ranks": np.array([[1, 0, 2, 3]]), "counts": np.array([1, 2, 3])}
    for deletion, expected in ((True, [shown, gone, gone]), (False, [gone, shown, shown])):
        found = curve(probability, images, images * 0, deletion=deletion, **options)
        np.testing.assert_allclose(found, [expected], atol=1e-6)


def test_area_drop_and_blend():
    assert area_under(np.array([[1.0, 0.5, 0.0]]), np.array([0, 0.5, 1])) == pytest.approx(0.5)
    found = average_drop(np.array([0.8, 0.8, 0.0]), np.array([0.2, 0.9, 0.5]))
    np.testing.assert_allclose(found, [0.75, 0, 0])
    images, fills = np.full((1, 1, 1, 1), 200.0), np.full((1, 1, 1, 1), 100.0)
    assert kept(images, fills, np.full((1, 1, 1), 0.25)).item() == 125
