"""What a model may end in: scores of classes, or an activation that comes off."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cxr.explain import GradCAM, Occlusion, Saliency
from tests.explain.models import images

PICTURES = images(2).astype("float32")


def network(*head):
    x = inputs = keras.Input((24, 24, 1))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    x = layers.GlobalAveragePooling2D()(x)
    for step in head:
        x = step(x)
    return keras.Model(inputs, x)


def dense(activation=None):
    return layers.Dense(3, activation=activation)


class Subclassed(keras.Model):
    def __init__(self, *head):
        super().__init__()
        self.front, self.head = layers.Conv2D(4, 3, name="conv"), list(head)

    def call(self, x):
        x = ops.mean(self.front(x), (1, 2))
        for step in self.head:
            x = step(x)
        return x


def subclassed(*head):
    model = Subclassed(*head)
    model(PICTURES)
    return model


NO_SCORES = {
    "tanh": lambda: network(dense("tanh")),
    "relu": lambda: network(dense("relu")),
    "softplus": lambda: network(dense("softplus")),
    "hard_sigmoid": lambda: network(dense("hard_sigmoid")),
    "exponential": lambda: network(dense("exponential")),
    "tanh, a layer": lambda: network(dense(), layers.Activation("tanh")),
    "tanh, an operation": lambda: network(dense(), ops.tanh),
    "leaky_relu, a layer": lambda: network(dense(), layers.LeakyReLU()),
    "relu, a layer as activation": lambda: network(dense(layers.ReLU())),
    "elu, before a change of shape": lambda: network(dense("elu"), layers.Reshape((3,))),
    "tanh, in a nested model": lambda: network(
        keras.Sequential([keras.Input((4,)), dense("tanh")])
    ),
    "tanh, in code": lambda: subclassed(dense("tanh")),
    "relu, a layer in code": lambda: subclassed(dense(), layers.ReLU()),
    "<lambda>": lambda: network(dense(lambda x: 2 * ops.tanh(x))),
}


@pytest.mark.parametrize("ending", NO_SCORES)
@pytest.mark.parametrize("method", [GradCAM, Saliency, Occlusion])
def test_other_activations_are_no_scores(ending, method):
    name = ending.split(",")[0]
    with pytest.raises(ValueError, match=f"ends in the activation '{name}'.*softmax, sigmoid"):
        method(NO_SCORES[ending]())(PICTURES)


class Linear(layers.Dense):
    """A class called as an activation is."""


SCORES = {
    "linear": (lambda: network(dense()), "linear"),
    "linear, by name": (lambda: network(dense("linear")), "linear"),
    "a class of that name": (lambda: network(Linear(3)), "linear"),
    "sigmoid": (lambda: network(dense("sigmoid")), "sigmoid"),
    "log softmax": (lambda: network(dense("log_softmax")), "log_softmax"),
    "softmax of a layer as activation": (lambda: network(dense(layers.Softmax())), "softmax"),
    "means of rectified maps": (
        lambda: keras.Model(
            inputs := keras.Input((24, 24, 1)),
            layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, activation="relu")(inputs)),
        ),
        "linear",
    ),
    "code": (lambda: subclassed(layers.ReLU(), dense("softmax")), "softmax"),
}


@pytest.mark.parametrize("ending", SCORES)
def test_scores_are_found(ending):
    make, activation = SCORES[ending]
    keras.utils.set_random_seed(1)
    explain = GradCAM(make())
    assert explain(PICTURES).shape == (2, 24, 24)
    assert explain._engine.activation == activation
    found = explain.explain(PICTURES)
    if activation in ("softmax", "sigmoid"):
        expected = explain.model.predict(PICTURES, verbose=0)
        np.testing.assert_allclose(found.probabilities, expected, rtol=1e-4, atol=1e-6)
