"""Features: where a model's head begins, whatever the model is built from."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import build_lenet5
from keras_cxr.keras_graph.features import feature_model

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 1)).astype(np.float32)


def values(model):
    return np.asarray(feature_model(model).predict_on_batch(IMAGES))


def test_the_head_of_the_features_gives_the_models_own_answer():
    model = build_lenet5((32, 32, 1), 4, classifier_activation=None)
    kernel, bias = model.layers[-1].get_weights()
    before = [weight.copy() for weight in model.get_weights()]
    np.testing.assert_allclose(
        values(model) @ kernel + bias, model.predict_on_batch(IMAGES), rtol=1e-4, atol=1e-5
    )
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_nested_models_and_what_follows_the_head():
    inner = build_lenet5((32, 32, 1), 4, classifier_activation=None)
    images = keras.Input((32, 32, 1))
    whole = keras.Model(images, layers.Softmax()(inner(layers.Rescaling(1.0)(images))))
    assert any(layer is inner for layer in whole.layers)
    np.testing.assert_allclose(values(whole), values(inner), rtol=1e-5)
    wrapped = keras.Sequential([keras.Input((32, 32, 1)), whole])
    np.testing.assert_allclose(values(wrapped), values(inner), rtol=1e-5)


def test_maps_are_averaged_and_branches_joined():
    images = keras.Input((32, 32, 1))
    first, second = (layers.Conv2D(count, 3)(images) for count in (5, 2))
    heads = [
        layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(first)),
        layers.Dense(4)(layers.GlobalMaxPooling2D()(second)),
    ]
    model = keras.Model(images, keras.ops.softmax(layers.Average()(heads)))
    found = values(model)
    assert found.shape == (3, 7)
    maps = keras.Model(images, first).predict_on_batch(IMAGES)
    np.testing.assert_allclose(found[:, 2:], maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-4)


def test_models_without_layers_to_look_into():
    class Own(keras.Model):
        def call(self, images):
            return images

    with pytest.raises(ValueError, match="use a Functional or Sequential model"):
        feature_model(Own(name="own"))
    with pytest.raises(ValueError, match="no layer with weights"):
        feature_model(keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten()]))
