"""Small models of every kind that GradCAM must explain, each with a hand-written reference."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

SIZE, CLASSES = 24, 3


def images(count=5, size=SIZE, channels=1, seed=0):
    """Smooth random pictures in [0, 255]."""
    coarse = np.random.default_rng(seed).uniform(0, 255, (count, 6, 6, channels))
    return np.asarray(tf.image.resize(coarse, (size, size), method="bicubic")).clip(0, 255)


def reference(before, after, pictures, class_index=None):
    """Grad-CAM by a hand-written tape: raw map, heat map, scores.

    `before` are the layers up to the explained one, `after` those up to the scores; either may
    hold plain functions.
    """
    x = tf.constant(pictures, tf.float32)
    for step in before:
        x = step(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = x
        for step in after:
            scores = step(scores)
        scores = tf.cast(scores, tf.float32)
        chosen = tf.argmax(scores, -1) if class_index is None else class_index
        score = tf.reduce_sum(scores * tf.one_hot(chosen, scores.shape[-1]), -1)
    gradient = tf.cast(tape.gradient(score, x), tf.float32)
    weights = tf.reduce_mean(gradient, (1, 2), keepdims=True)
    raw = tf.reduce_sum(weights * tf.cast(x, tf.float32), -1)
    heat = tf.image.resize(tf.nn.relu(raw)[..., None], pictures.shape[1:3])[..., 0]
    heat = tf.math.divide_no_nan(heat, tf.reduce_max(heat, (1, 2), keepdims=True))
    return raw.numpy(), heat.numpy(), scores.numpy()


def logits_of(dense):
    """The scores of a dense layer without its activation, written out."""
    dtype = dense.compute_dtype
    return lambda x: tf.cast(x, dtype) @ tf.cast(dense.kernel, dtype) + tf.cast(dense.bias, dtype)


def body():
    """Two convolutions and what lies between them: (24, 24, 1) to (10, 10, 6)."""
    return [
        layers.Rescaling(1 / 127.5, offset=-1, name="rescale"),
        layers.Conv2D(5, 3, activation="relu", name="conv_a"),
        layers.MaxPooling2D(2, name="pool_a"),
        layers.Conv2D(6, 2, activation="relu", name="conv_b"),
    ]


def tail():
    return [
        layers.MaxPooling2D(2, name="pool_b"),
        layers.Dropout(0.5, name="dropout"),
        layers.Flatten(name="flatten"),
    ]


def dense(activation="softmax", **kwargs):
    return layers.Dense(CLASSES, activation=activation, name="predictions", **kwargs)


def sequential(front, back, *head, name="small"):
    return keras.Sequential([keras.Input((SIZE, SIZE, 1)), *front, *back, *head], name=name)


def functional(*chain, shape=(SIZE, SIZE, 1), name="graph"):
    inputs = keras.Input(shape)
    x = inputs
    for step in chain:
        x = step(x)
    return keras.Model(inputs, x, name=name)


class Subclassed(keras.Model):
    """A model whose graph only its own code knows."""

    def __init__(self, ending="dense", **kwargs):
        super().__init__(**kwargs)
        self.front, self.back = body(), tail()
        self.head = dense("softmax" if ending == "dense" else None)
        self.ending = ending

    def call(self, x, training=None):
        for layer in [*self.front, *self.back]:
            x = layer(x)
        x = self.head(x)
        return keras.activations.softmax(x) if self.ending == "function" else x


class Block(layers.Layer):
    """A layer with a convolution inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = layers.Conv2D(6, 2, activation="relu", name="inner")
        self.scale = layers.Rescaling(0.5)

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.scale(self.inner(x))
