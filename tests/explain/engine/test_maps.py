import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_cxr import overlay
from keras_cxr.explain.engine.inputs import image_batch
from keras_cxr.explain.engine.maps import normalize, upsample, weighted_map

maps = arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 7)),
    elements=st.floats(-10, 10, width=32, allow_subnormal=True),
)


def test_weighted_map_by_hand():
    activations = np.array([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], np.float32)
    gradients = np.array([[[[4, -8], [0, 0]], [[0, 0], [0, 0]]]], np.float32)
    # the pooled weights are 1 and -2: 1*A0 - 2*A1
    expected = [[[-3, -5], [-7, -9]]]
    np.testing.assert_array_equal(weighted_map(activations, gradients), expected)


def test_upsampling_has_half_pixel_centres():
    np.testing.assert_allclose(
        upsample(np.array([[[0.0, 1.0]]], np.float32), (1, 4)), [[[0, 0.25, 0.75, 1]]]
    )


@settings(max_examples=30)
@given(maps, st.integers(1, 40), st.integers(1, 40))
def test_upsampling_is_tensorflows(values, height, width):
    expected = tf.image.resize(values[..., None], (height, width))[..., 0]
    np.testing.assert_allclose(upsample(values, (height, width)), expected, atol=2e-5)


@settings(max_examples=50)
@given(maps)
def test_normalized_maps_lie_between_zero_and_one(values):
    positive = np.maximum(values, 0)
    result = normalize(positive)
    assert result.dtype == np.float32
    for before, after in zip(positive, result, strict=True):
        assert after.min() >= 0
        assert after.max() == (1 if before.any() else 0)


def test_overlay_by_hand():
    images = np.full((2, 2, 2), 100, np.uint8)
    heat = np.zeros((2, 2, 2), np.float32)
    heat[0, 0, 1], heat[1, 1, 1] = 1, 0.5
    result = overlay(images, heat, alpha=0.5, colormap="jet")
    assert result.shape == (2, 2, 2, 3)
    assert result.dtype == np.uint8
    assert result[0, 0, 1].tolist() == [114, 50, 50]  # half of 100 and half of (128, 0, 0)
    assert result[1, 1, 1].tolist() == [108, 139, 106]  # 3/4 of 100, 1/4 of jet's middle green
    untouched = heat == 0
    assert (result[untouched] == 100).all()
    default = overlay(images, heat)
    assert default[0, 0, 1, 0] > default[0, 0, 1, 2]  # red, not blue: the order is RGB


@settings(max_examples=30)
@given(
    st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 1, 3]),
    st.sampled_from(["uint8", "float32", "int64"]),
)  # fmt: skip
def test_without_heat_the_x_ray_is_unchanged(count, height, width, channels, dtype):
    shape = (count, height, width, channels) if channels else (count, height, width)
    images = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    result = overlay(images, np.zeros((count, height, width)))
    colour = images if channels == 3 else images.reshape(count, height, width, 1)
    np.testing.assert_array_equal(result, np.broadcast_to(colour, result.shape))


def test_overlay_of_one_image():
    picture, heat = np.full((4, 5), 300.0), np.eye(4, 5)
    result = overlay(picture, heat, alpha=0)
    assert result.shape == (1, 4, 5, 3)
    assert (result == 255).all()
    assert overlay(np.zeros((4, 5, 3)), heat).shape == (1, 4, 5, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heatmaps": np.zeros((2, 4, 4))}, r"received \(2, 4, 4\) for images \(1, 4, 4\)"),
        ({"heatmaps": np.full((1, 4, 4), np.nan)}, r"in \[0, 1\] without NaN"),
        ({"heatmaps": np.full((1, 4, 4), 1.5)}, r"in \[0, 1\]"),
        ({"alpha": 1.2}, "alpha must lie"),
        ({"alpha": float("nan")}, "alpha must lie"),
        ({"colormap": "rainbow"}, "one of cividis, hot"),
        ({"images": np.zeros((1, 4, 4, 2))}, "grey or colour"),
    ],
)
def test_overlay_refuses(arguments, message):
    valid = {"images": np.zeros((1, 4, 4)), "heatmaps": np.zeros((1, 4, 4))}
    with pytest.raises(ValueError, match=message):
        overlay(**{**valid, **arguments})


@pytest.mark.parametrize(
    ("shape", "channels", "expected"),
    [
        ((9, 8), None, (1, 9, 8, 1)),
        ((9, 8, 3), None, (1, 9, 8, 3)),
        ((9, 8, 1), None, (1, 9, 8, 1)),
        ((9, 8, 3), 1, (9, 8, 3, 1)),
        ((9, 8, 4), None, (9, 8, 4, 1)),
        ((9, 8, 4), 4, (1, 9, 8, 4)),
        ((2, 9, 8, 3), None, (2, 9, 8, 3)),
    ],
)
def test_forms_of_images(shape, channels, expected):
    assert image_batch(np.zeros(shape), channels=channels).shape == expected
