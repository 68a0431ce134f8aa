"""The methods that look into a layer: formulas by hand and by slow loops."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import layers

from keras_cxr.explain import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, XGradCAM
from tests.explain.methods.known import PICTURE, known, make
from tests.explain.models import body, dense, functional, images


def grad_cam(a, g):
    return sum(g[..., k].mean() * a[..., k] for k in range(a.shape[-1]))


def grad_cam_plus_plus(a, g):
    result = np.zeros(a.shape[:2])
    for k in range(a.shape[-1]):
        weight, total = 0.0, a[..., k].sum()
        for i, j in np.ndindex(*a.shape[:2]):
            denominator = 2 * g[i, j, k] ** 2 + g[i, j, k] ** 3 * total
            share = g[i, j, k] ** 2 / denominator if denominator else 0.0
            weight += share * max(g[i, j, k], 0)
        result += weight * a[..., k]
    return result


def x_grad_cam(a, g):
    result = np.zeros(a.shape[:2])
    for k in range(a.shape[-1]):
        total = a[..., k].sum()
        result += (a[..., k] * g[..., k]).sum() / total * a[..., k] if total else 0
    return result


def layer_cam(a, g):
    return sum(np.maximum(g[..., k], 0) * a[..., k] for k in range(a.shape[-1]))


def hi_res_cam(a, g):
    return sum(g[..., k] * a[..., k] for k in range(a.shape[-1]))


SLOW = {
    "gradcam": grad_cam,
    "gradcam++": grad_cam_plus_plus,
    "xgradcam": x_grad_cam,
    "layercam": layer_cam,
    "hirescam": hi_res_cam,
}


# eighths: sums are exact, so that a sum that is 0 for one order of adding is 0 for every
exact = st.integers(-24, 24).map(lambda n: n / 8)


@pytest.mark.parametrize("name", SLOW)
@settings(max_examples=40, deadline=None)
@given(
    a=arrays(np.float64, (2, 3, 2, 3), elements=st.integers(0, 24).map(lambda n: n / 8)),
    g=arrays(np.float64, (2, 3, 2, 3), elements=exact),
)
def test_layer_methods_equal_slow_loops(name, small, a, g):
    found = make(name, small).combine(a.astype("float32"), g.astype("float32"))
    expected = [SLOW[name](*pair) for pair in zip(a, g, strict=True)]
    # where a denominator is nearly 0, float32 and float64 part
    near = np.abs(2 * g**2 + g**3 * a.sum((1, 2), keepdims=True))
    if name != "gradcam++" or near[near > 0].min(initial=1) > 1e-2:
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_plus_plus_by_hand(small):
    a = np.array([[[[1.0], [3.0]]]], "float32")
    g = np.array([[[[2.0], [-1.0]]]], "float32")
    # the first place: 4 / (8 + 8 * 4) * 2 = 1/5; the second has a negative gradient: 0
    found = GradCAMPlusPlus(small).combine(a, g)
    np.testing.assert_allclose(found, [[[0.2, 0.6]]], rtol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e15])
def test_plus_plus_survives_tiny_and_huge_gradients(small, size):
    """Its squares and cubes would leave float32's range; the map's shape does not depend on it."""
    generator = np.random.default_rng(0)
    a = generator.uniform(0, 1, (1, 3, 3, 2)).astype("float32")
    g = np.where(generator.random((1, 3, 3, 2)) < 0.5, 1.0, -1.0).astype("float32")
    unit = GradCAMPlusPlus(small).combine(a / np.float32(size), g * np.float32(size))
    assert np.isfinite(unit).all()
    np.testing.assert_allclose(unit, GradCAMPlusPlus(small).combine(a, g), rtol=1e-4)


def test_channels_that_sum_to_nothing_weigh_nothing(small):
    a = np.array([[[[1.0, 1.0], [-1.0, 1.0]]]], "float32")
    g = np.ones((1, 1, 2, 2), "float32")
    np.testing.assert_array_equal(XGradCAM(small).combine(a, g), [[[1.0, 1.0]]])


def test_with_an_averaging_head_three_methods_agree():
    keras.utils.set_random_seed(3)
    model = functional(*body(), layers.GlobalAveragePooling2D(), dense())
    expected = GradCAM(model).explain(images(), 1)
    for method in (XGradCAM, HiResCAM):
        found = method(model).explain(images(), 1).raw_map
        np.testing.assert_allclose(found, expected.raw_map, rtol=1e-3, atol=1e-4)


def test_hirescam_and_xgradcam_share_the_score_out(small):
    """For a dense head both maps sum to the part of the score that is owed to the layer."""
    keras.utils.set_random_seed(3)
    model = functional(*body(), layers.Flatten(), dense(None, bias_initializer="zeros"))
    found = HiResCAM(model).explain(images(), 1)
    np.testing.assert_allclose(found.raw_map.sum((1, 2)), found.scores[:, 1], rtol=1e-3)
    other = XGradCAM(model).explain(images(), 1)
    np.testing.assert_allclose(other.raw_map.sum((1, 2)), found.scores[:, 1], rtol=1e-3)


def test_layercam_sees_only_what_raises():
    model = known()
    # the gradients are 3/8 and 1/8: (3 x - x) / 8 for class 0, (x - 2 x) / 8 for class 1
    np.testing.assert_allclose(LayerCAM(model).explain(PICTURE, 0).raw_map[0], PICTURE / 4)
    assert not LayerCAM(model).explain(PICTURE, 1).heatmap.any()
