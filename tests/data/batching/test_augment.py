import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.data.batching.augment import (
    FILL_MODES,
    Augmentation,
    warp,
)
from keras_cxr.data.draws import image_keys
from keras_cxr.errors import InvalidArgumentError
from tests.data.helpers import picture

KEYS = image_keys([f"COVID/images/COVID-{number}.png" for number in range(4000)])
SETTINGS = st.builds(
    Augmentation,
    rotation=st.floats(0, 90),
    zoom=st.floats(0, 0.5),
    horizontal_flip=st.booleans(),
)


def outside(index, length, fill_mode):
    """Where a pixel beyond the border is taken from; None for black."""
    if 0 <= index < length:
        return index
    if fill_mode == "constant":
        return None
    if fill_mode == "nearest":
        return min(max(index, 0), length - 1)
    if fill_mode == "wrap":
        return index % length
    if fill_mode == "reflect":
        index %= 2 * length
        return index if index < length else 2 * length - 1 - index
    index %= 2 * length - 2
    return index if index < length else 2 * length - 2 - index


def slow_warp(image, matrix, fill_mode):
    """Pixel by pixel, as the docstring of `Augmentation.matrices` states it."""
    height, width = image.shape
    out = np.zeros(image.shape)
    for row in range(height):
        for column in range(width):
            x, y = matrix @ (column, row, 1.0)
            left, top = math.floor(x), math.floor(y)
            for corner_y, weight_y in ((top, top + 1 - y), (top + 1, y - top)):
                for corner_x, weight_x in ((left, left + 1 - x), (left + 1, x - left)):
                    at_y = outside(corner_y, height, fill_mode)
                    at_x = outside(corner_x, width, fill_mode)
                    if at_y is not None and at_x is not None:
                        out[row, column] += weight_y * weight_x * float(image[at_y, at_x])
    return out


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pixels_agree_with_a_slow_plain_reference(fill_mode, dtype):
    image = picture(2, (18, 25)).astype(dtype)
    augmentation = Augmentation(rotation=40, zoom=0.3, fill_mode=fill_mode)
    for matrix in augmentation.matrices(KEYS[:4], (18, 25), seed=1, epoch=2):
        expected = slow_warp(image, matrix, fill_mode)
        # OpenCV 4 rounds positions to 1/32 pixel, version 5 does not
        steepest = max(np.abs(np.diff(image.astype(float), axis=axis)).max() for axis in (0, 1))
        tolerance = steepest / 32 * 2 + 1.0
        if fill_mode in ("wrap", "constant"):
            tolerance += 255 / 32 * 2  # the border itself is a step
        np.testing.assert_allclose(
            warp(image, matrix, fill_mode=fill_mode), expected, atol=tolerance
        )


def test_matrices_say_what_the_docstring_says():
    size = (30, 41)
    center = np.array([20.0, 14.5])
    augmentation = Augmentation(rotation=18, zoom=0.05)
    matrices = augmentation.matrices(KEYS, size, seed=0, epoch=0)
    linear = matrices[:, :, :2]
    np.testing.assert_allclose(linear @ center + matrices[:, :, 2], np.tile(center, (4000, 1)))
    scale = 1 / np.sqrt(np.abs(np.linalg.det(linear)))
    flipped = np.linalg.det(linear) < 0
    angle = np.degrees(np.arctan2(-linear[:, 0, 1], linear[:, 1, 1]))
    products = linear.transpose(0, 2, 1) @ linear * scale[:, None, None] ** 2
    np.testing.assert_allclose(products, np.tile(np.eye(2), (4000, 1, 1)), atol=1e-12)
    # uniform draws: bounds are kept and nearly reached, means are central
    assert np.abs(angle).max() <= 18 + 1e-9
    assert np.abs(angle).max() > 17.9
    assert abs(angle.mean()) < 0.6
    assert abs(scale - 1).max() <= 0.05 + 1e-12
    assert abs(scale.mean() - 1) < 0.002
    assert abs(flipped.mean() - 0.5) < 0.03
    assert abs(np.corrcoef(angle, scale)[0, 1]) < 0.06


def test_a_flip_alone_mirrors_exactly():
    image = picture(5)
    matrices = Augmentation(rotation=0, zoom=0).matrices(KEYS[:20], image.shape, seed=0, epoch=0)
    results = [warp(image, matrix, fill_mode="reflect") for matrix in matrices]
    mirrored = [np.array_equal(result, image[:, ::-1]) for result in results]
    kept = [np.array_equal(result, image) for result in results]
    assert any(mirrored)
    assert any(kept)
    assert all(one != other for one, other in zip(mirrored, kept, strict=True))


def test_nothing_moves_when_all_is_zero():
    augmentation = Augmentation(rotation=0, zoom=0, horizontal_flip=False)
    assert augmentation.is_identity
    matrices = augmentation.matrices(KEYS[:50], (7, 9), seed=3, epoch=1)
    np.testing.assert_array_equal(matrices, np.tile(np.eye(2, 3), (50, 1, 1)))


@given(SETTINGS, st.integers(0, 2**70), st.integers(0, 500), st.permutations(range(30)))
def test_draws_depend_on_seed_epoch_and_image_alone(augmentation, seed, epoch, order):
    together = augmentation.matrices(KEYS[:30], (20, 24), seed=seed, epoch=epoch)
    order = np.array(order)
    shuffled_keys = augmentation.matrices(KEYS[order], (20, 24), seed=seed, epoch=epoch)
    np.testing.assert_array_equal(shuffled_keys, together[order])
    alone = augmentation.matrices(KEYS[3:4], (20, 24), seed=seed, epoch=epoch)
    np.testing.assert_array_equal(alone[0], together[3])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"rotation": -1}, "rotation must be an angle"),
        ({"zoom": 1.0}, "zoom must be a fraction"),
        ({"fill_mode": "mirrored"}, "fill_mode must be one of constant, mirror"),
    ],
)
def test_refused_settings(arguments, problem):
    with pytest.raises(InvalidArgumentError, match=problem):
        Augmentation(**arguments)
