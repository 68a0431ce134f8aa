"""Grad-CAM beside a hand-written tape, for models of every kind."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import GradCAM, build_alexnet, build_lmap3, build_vgg19
from tests.explain import models
from tests.explain.kinds import KINDS
from tests.explain.models import body, dense, functional, images, logits_of, sequential, tail


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(3)


@pytest.mark.parametrize("kind", KINDS)
def test_equals_a_hand_written_tape(kind):
    model, before, after, layer = KINDS[kind]()
    pictures, classes = images(), np.array([0, 1, 2, 0, 1])
    explain = GradCAM(model, layer if kind == "layer_in_a_layer" else None)
    if layer is not None:
        assert explain.layer == layer
    for class_index in (None, classes):
        raw, heat, scores = models.reference(before, after, pictures, class_index)
        result = explain.explain(pictures, class_index)
        np.testing.assert_allclose(result.scores, scores, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(result.raw_map, raw, atol=1e-4 * np.abs(raw).max())
        np.testing.assert_allclose(result.heatmap, heat, atol=1e-3)
        assert raw.max() > 0
    assert result.heatmap.dtype == result.raw_map.dtype == np.float32
    assert result.class_index.tolist() == classes.tolist()


@pytest.mark.parametrize("kind", ["functional", "nested_backbone", "nested_head"])
def test_a_loaded_model_gives_the_same_maps(kind, tmp_path):
    model = KINDS[kind]()[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    expected, found = (GradCAM(m).explain(images()) for m in (model, loaded))
    assert found.layer == expected.layer
    np.testing.assert_allclose(found.heatmap, expected.heatmap, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("kind", ["sequential", "nested_backbone", "softmax_layer", "nested_head"])
def test_mixed_precision(kind, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model, before, after, _ = KINDS[kind]()
    finally:
        keras.config.set_dtype_policy("float32")
    raw, heat, _ = models.reference(before, after, images(), 1)
    result = GradCAM(model).explain(images(), 1)
    assert result.heatmap.dtype == result.raw_map.dtype == result.scores.dtype == np.float32
    assert np.isfinite(result.heatmap).all()
    tolerance = 0.05 if policy == "mixed_bfloat16" else 0.01
    np.testing.assert_allclose(result.raw_map, raw, atol=tolerance * np.abs(raw).max())
    assert np.abs(result.heatmap - heat).mean() < tolerance


def test_float32_softmax_after_a_mixed_body():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        front, back, head = body(), tail(), dense(None)
        model = sequential(front, back, head, layers.Activation("softmax", dtype="float32"))
    finally:
        keras.config.set_dtype_policy("float32")
    raw, _, _ = models.reference(front, [*back, logits_of(head)], images(), 2)
    found = GradCAM(model).explain(images(), 2).raw_map
    np.testing.assert_allclose(found, raw, atol=0.05 * np.abs(raw).max())


def test_the_studys_models():
    pictures = images(2, 96)
    model = build_lmap3((96, 96, 1))
    raw, heat, _ = models.reference(
        model.layers[1:-7], [*model.layers[-7:-1], logits_of(model.layers[-1])], pictures
    )
    result = GradCAM(model).explain(pictures)
    np.testing.assert_allclose(result.raw_map, raw, atol=1e-4 * np.abs(raw).max())
    np.testing.assert_allclose(result.heatmap, heat, atol=1e-3)

    model = build_vgg19((64, 64, 3), weights=None)
    _, scaling, backbone, _ = model.layers
    backbone = backbone.layers
    before = [scaling, *(layer for layer in backbone if "input" not in layer.name)][:-2]
    raw, heat, _ = models.reference(
        before, [*backbone[-2:], logits_of(model.layers[-1])], images(2, 64, 3)
    )
    result = GradCAM(model).explain(images(2, 64, 3))
    assert result.layer == "vgg19/block5_conv4"
    np.testing.assert_allclose(result.raw_map, raw, atol=1e-3 * np.abs(raw).max())


def test_channels_first():
    """The same weights with the channels first give the same maps; Keras' setting is not asked."""
    maps = {}
    for order in ("channels_first", "channels_last"):
        keras.utils.set_random_seed(3)
        chain = [
            layers.Conv2D(5, 3, data_format=order),
            layers.Conv2D(6, 3, data_format=order),
            layers.Activation("relu", name="relu"),
            layers.GlobalMaxPooling2D(data_format=order),
            dense(),
        ]
        first, pictures = order == "channels_first", images(3)[:, :, :20]
        explain = GradCAM(functional(*chain, shape=(1, 24, 20) if first else (24, 20, 1)))
        assert explain.layer == "relu"
        result = explain.explain(np.moveaxis(pictures, -1, 1) if first else pictures)
        assert result.raw_map.shape == (3, 20, 16)
        maps[order] = result.heatmap
        for form in (
            pictures[0, ..., 0],
            np.moveaxis(pictures[0], -1, 0) if first else pictures[0],
        ):
            np.testing.assert_allclose(explain(form)[0], result.heatmap[0], atol=1e-5)
        np.testing.assert_allclose(explain(pictures[..., 0]), result.heatmap, atol=1e-5)
    assert maps["channels_first"].shape == (3, 24, 20)
    np.testing.assert_allclose(maps["channels_first"], maps["channels_last"], atol=1e-4)


def test_hand_calculated():
    """Two channels, known weights: alpha = w / 4 per cell, map = alpha . A."""
    kernel = np.array([[[[1.0, -1.0]]]], "float32")  # channel 0 is the image, 1 its negative
    convolution = layers.Conv2D(2, 1, use_bias=False, name="conv")
    pool = layers.GlobalAveragePooling2D()
    head = layers.Dense(2, use_bias=False, activation="softmax")
    model = functional(convolution, pool, head, shape=(2, 2, 1))
    convolution.set_weights([kernel])
    head.set_weights([np.array([[3.0, 1.0], [1.0, 2.0]], "float32")])
    picture = np.array([[0.0, 4.0], [8.0, 2.0]], "float32")
    result = GradCAM(model).explain(picture, 0)
    # d score0 / d A = w / 4: alpha = (3/4, 1/4); 3/4 A0 + 1/4 A1 = (3 - 1)/4 of the picture
    np.testing.assert_allclose(result.raw_map[0], picture / 2, rtol=1e-6)
    np.testing.assert_allclose(result.heatmap[0], picture / 8, rtol=1e-6)
    np.testing.assert_allclose(result.scores, [[3 * 3.5 - 3.5, 3.5 - 2 * 3.5]], rtol=1e-6)
    # for class 1 the sum is (1 - 2)/4 of the picture: nothing speaks for it
    against = GradCAM(model).explain(picture, 1)
    np.testing.assert_allclose(against.raw_map[0], -picture / 4, rtol=1e-6)
    assert not against.heatmap.any()


def test_alexnets_flat_maps_warn():
    model = build_alexnet()
    flat = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)][-1]
    with pytest.warns(UserWarning, match=r"maps of 1 x 1.*Choose '.+activation"):
        explain = GradCAM(model, flat)
    heat = explain(np.full((1, 224, 224), 90, "uint8"))
    assert heat.shape == (1, 224, 224)
    assert np.ptp(heat) < 1e-5


def test_a_flat_map_in_a_subclassed_model_warns_without_advice():
    class Flat(keras.Model):
        def __init__(self):
            super().__init__()
            self.flat = layers.Conv2D(3, 24, name="flat")

        def call(self, x):
            return self.flat(x)[:, 0, 0]

    model = Flat()
    model(np.zeros((1, 24, 24, 1), "float32"))
    with pytest.warns(UserWarning, match=r"shows no place\.$"):
        GradCAM(model, "flat")(images())


def twice_called():
    front, back, head = body(), tail(), dense()
    shared = layers.Conv2D(6, 3, padding="same", activation="relu", name="shared")
    return functional(*front, shared, shared, *back, head), front, shared, back, head


@pytest.mark.parametrize("call_index", [0, 1, -1, -2])
def test_each_call_of_a_shared_layer_has_its_own_map(call_index):
    model, front, shared, back, head = twice_called()
    before, after = [*front, shared, shared], [*back, logits_of(head)]
    if call_index in (0, -2):
        before, after = before[:-1], [shared, *after]
    raw, _, _ = models.reference(before, after, images())
    found = GradCAM(model, "shared", call_index=call_index).explain(images())
    np.testing.assert_allclose(found.raw_map, raw, atol=1e-4 * np.abs(raw).max())


@pytest.mark.parametrize("call_index", [2, -3])
def test_a_call_that_does_not_exist_is_named_with_the_range(call_index):
    model, *_ = twice_called()
    with pytest.raises(ValueError, match=r"called 2 times .* call_index is in \[-2, 1\]"):
        GradCAM(model, "shared", call_index=call_index)(images())
