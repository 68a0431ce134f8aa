"""Models that cannot be explained, and what is said of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_cxr import GradCAM
from tests.explain import models
from tests.explain.kinds import kind_functional, kind_subclassed
from tests.explain.models import body, dense, functional, images, logits_of, tail


def test_a_broken_model_is_named(small):
    model = keras.models.clone_model(small)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    with pytest.raises(ValueError, match=r"computes NaN or infinite values for images\[0\]"):
        GradCAM(model)(images())


def test_scores_that_are_not_the_models_are_refused():
    class Odd(layers.Dense):
        """A dense layer that does not only apply its activation."""

        def call(self, x):
            return (
                keras.ops.roll(super().call(x), 1, axis=-1)
                if self.activation is not (keras.activations.linear)
                else super().call(x)
            )

    model = functional(*body(), *tail(), Odd(3, activation="softmax"))
    with pytest.raises(ValueError, match="cannot be explained: its output is not softmax"):
        GradCAM(model)(images())


def test_models_that_cannot_be_explained():
    with pytest.raises(ValueError, match=r"must be a keras.Model; received Dense"):
        GradCAM(layers.Dense(2))
    with pytest.raises(ValueError, match="not built yet"):
        GradCAM(keras.Sequential([layers.Dense(2)]))
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(2, 3)(inputs)
    pooled = layers.GlobalAveragePooling2D()(x)
    with pytest.raises(ValueError, match="has 2 outputs; choose one"):
        GradCAM(keras.Model(inputs, [pooled, layers.Dense(2)(pooled)]))
    with pytest.raises(ValueError, match=r"scores of shape \(None, 6, 6, 2\)"):
        GradCAM(keras.Model(inputs, x))(np.zeros((1, 8, 8)))
    with pytest.raises(ValueError, match="takes input of shape"):
        GradCAM(functional(layers.Reshape((4, 4, 1)), layers.Conv2D(2, 2), shape=(16,)))
    blind = layers.Lambda(keras.ops.stop_gradient)
    model = functional(
        layers.Conv2D(2, 3, name="conv"), blind, layers.Flatten(), dense(), shape=(8, 8, 1)
    )
    with pytest.raises(ValueError, match="layer 'conv' has no differentiable way"):
        GradCAM(model, "conv")(np.zeros((1, 8, 8)))


def test_a_hidden_layer_that_is_no_map():
    model = kind_subclassed()[0]
    with pytest.raises(ValueError, match=r"'flatten' gives \(batch, 150\)"):
        GradCAM(model, "flatten")(images())


class WantsValues(models.Subclassed):
    """A model whose code cannot be followed without values: it runs eagerly alone."""

    def call(self, x, training=None):
        bright = float(keras.ops.convert_to_numpy(x).max()) > 0
        return super().call(x if bright else 0 * x)


def test_a_model_that_runs_eagerly_alone():
    model = WantsValues()
    model(np.zeros((1, 24, 24, 1), "float32"))
    model.compile(run_eagerly=True)
    raw, _, _ = models.reference(model.front, [*model.back, logits_of(model.head)], images(), 1)
    result = GradCAM(model, "conv_b").explain(images(), 1)
    np.testing.assert_allclose(result.raw_map, raw, atol=1e-4 * np.abs(raw).max())
    with pytest.raises(ValueError, match="'flatten' gives shape"):
        GradCAM(model, "flatten")(images())


def test_a_hidden_layer_that_is_never_called():
    class Idle(models.Subclassed):
        def __init__(self):
            super().__init__()
            self.unused = layers.Conv2D(2, 1, name="unused")
            self.unused.build((None, 24, 24, 1))

    model = Idle()
    model(np.zeros((1, 24, 24, 1), "float32"))
    with pytest.raises(ValueError, match="layer 'unused' is not called"):
        GradCAM(model, "unused")(images())


def test_another_backend_is_named(small, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "openvino")
    with pytest.raises(ValueError, match="tensorflow, jax, torch; Keras runs on 'openvino'"):
        GradCAM(small)(images())


def test_overflow_in_half_precision_is_named():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = kind_functional()[0]
    finally:
        keras.config.set_dtype_policy("float32")
    explain = GradCAM(model)
    explain(images())
    model.get_layer("conv_b").kernel.assign(model.get_layer("conv_b").kernel * 1e5)
    with pytest.raises(ValueError, match=r"NaN or infinite values for images\[\d\]"):
        explain(images())


class EndsInItsOwnSoftmax(models.Subclassed):
    def call(self, x, training=None):
        return tf.exp(x := tf.math.log(super().call(x))) / tf.reduce_sum(tf.exp(x), -1, True)


def test_a_softmax_that_cannot_be_taken_off_is_an_error():
    model = EndsInItsOwnSoftmax()
    model(np.zeros((1, 24, 24, 1), "float32"))
    with pytest.raises(ValueError, match="Let the model end in a Dense layer"):
        GradCAM(model, "conv_b")(images())
