"""What all nine methods share."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.explain import METHODS, GradCAM, LayerMethod, PixelMethod
from tests.explain import models
from tests.explain.methods.known import PICTURE, known, make
from tests.explain.models import body, dense, functional, images, tail

LAYER_METHODS = [name for name, method in METHODS.items() if issubclass(method, LayerMethod)]


def mixed():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return functional(*body(), *tail(), dense())
    finally:
        keras.config.set_dtype_policy("float32")


def nested():
    core = functional(*body(), name="core")
    return keras.Sequential([keras.Input((24, 24, 1)), core, *tail(), dense()])


def subclassed():
    model = models.Subclassed()
    model(np.zeros((1, 24, 24, 1), "float32"))
    return model


def sigmoid():
    return functional(*body(), *tail(), dense("sigmoid"))


@pytest.mark.parametrize("build", [mixed, nested, subclassed, sigmoid])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_explains_every_kind_of_model(name, build):
    keras.utils.set_random_seed(3)
    model = build()
    before = model.get_weights()
    explain = make(name, model)
    found = explain.explain(images(), [0, 1, 2, 1, 0])
    assert found.heatmap.shape == (5, 24, 24)
    assert found.heatmap.dtype == found.raw_map.dtype == found.scores.dtype == np.float32
    assert np.isfinite(found.raw_map).all()
    peaks = found.heatmap.max((1, 2))
    assert ((peaks == 0) | (np.abs(peaks - 1) < 1e-6)).all()
    assert (found.no_positive_evidence == (peaks == 0)).all()
    assert not found.no_positive_evidence.all()
    assert found.class_index.tolist() == [0, 1, 2, 1, 0]
    alone = explain(images()[1], 1)
    np.testing.assert_allclose(alone[0], found.heatmap[1], atol=0.05 if build is mixed else 1e-3)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("build", [nested, subclassed, sigmoid])
@pytest.mark.parametrize("name", ["gradcam", "saliency"])
def test_predictions_are_the_models_own(name, build):
    keras.utils.set_random_seed(3)
    model = build()
    pictures = np.concatenate([images(5, seed=seed) for seed in range(8)]).astype("float32")
    expected = keras.ops.convert_to_numpy(model(pictures))
    np.testing.assert_allclose(make(name, model).predict(pictures), expected, atol=1e-5)
    explained = make(name, model).explain(pictures)
    np.testing.assert_allclose(explained.probabilities, expected, atol=1e-5)
    with pytest.raises(ValueError, match="images\\[0\\] holds NaN"):
        make(name, model).predict(pictures * np.nan)


def test_the_predictions_of_a_model_that_returns_scores_are_their_softmax():
    keras.utils.set_random_seed(3)
    model = functional(*body(), *tail(), dense(None))
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(model(images().astype("float32"))))
    np.testing.assert_allclose(GradCAM(model).predict(images()), expected, atol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_map_may_keep_its_strength(name, small):
    pictures = images()
    divided, strong = make(name, small), make(name, small, normalize=False)
    found = strong.explain(pictures, 1)
    largest = found.heatmap.max((1, 2), keepdims=True)
    np.testing.assert_allclose(
        divided(pictures, 1) * largest, found.heatmap, atol=1e-5 * largest.max()
    )
    assert np.ptp(largest) > 0
    assert found.heatmap.max() <= found.raw_map.max() * (1 + 1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_a_black_image_of_a_silent_model_gives_no_evidence(name):
    """Nothing is divided by zero, whatever a map is made from."""
    model = functional(layers.Conv2D(3, 3, activation="relu"), *tail(), dense())
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    found = make(name, model).explain(np.zeros((2, 24, 24)), 0)
    assert not found.heatmap.any()
    assert found.no_positive_evidence.all()


@pytest.mark.parametrize("name", METHODS)
def test_the_same_method_for_another_model(name, small):
    other = keras.models.clone_model(small)
    other.set_weights([weight * 0.5 for weight in small.get_weights()])
    settings = {"normalize": False}
    if name in LAYER_METHODS:
        settings |= {"layer": "conv_a", "placement": "receptive_field"}
    explain = make(name, small, **settings)
    again = explain.with_model(other)
    assert (again.name, again.title, again.layer) == (name, explain.title, explain.layer)
    assert again.model is other
    np.testing.assert_array_equal(again(images(), 1), make(name, other, **settings)(images(), 1))
    assert not np.allclose(again(images(), 1), explain(images(), 1))


def test_names_are_those_of_the_classes():
    assert all(method.name == name for name, method in METHODS.items())
    assert len({method.title for method in METHODS.values()}) == len(METHODS) >= 9
    assert all(issubclass(m, LayerMethod) != issubclass(m, PixelMethod) for m in METHODS.values())


def test_a_method_of_ones_own():
    class Activity(LayerMethod):
        name, title = "activity", "Mean activation"

        def combine(self, activations, gradients):
            return activations.mean(axis=-1)

    class Wrong(Activity):
        def combine(self, activations, gradients):
            return activations

    model = known()
    model.layers[1].set_weights([np.array([[[[1.0, 3.0]]]], "float32")])
    found = Activity(model, "conv").explain(PICTURE)
    np.testing.assert_allclose(found.raw_map[0], 2 * PICTURE)
    with pytest.raises(ValueError, match=r"Wrong.combine must return .* = \(1, 2, 4\); it ret"):
        Wrong(model, "conv")(PICTURE)
