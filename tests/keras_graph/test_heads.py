import functools

import keras
import pytest
from keras import layers

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.heads import head_activation, head_layers, outputs_probabilities
from keras_cxr.keras_graph.interface import check_model_fits
from keras_cxr.models import build_lmap3


def functional(head):
    """A model whose output is `head(features)`."""
    features = keras.Input((6,))
    return keras.Model(features, head(features))


def nested(*head):
    inner = keras.Sequential([keras.Input((3,)), *head])
    return functional(lambda x: inner(layers.Dense(3, name="scores")(x)))


def average(*activations):
    return lambda x: layers.Average()([layers.Dense(3, activation=a)(x) for a in activations])


HEADS = {
    "softmax in the dense layer": (lambda: functional(layers.Dense(3, "softmax")), "softmax"),
    "logits": (lambda: functional(layers.Dense(3)), "linear"),
    "sigmoid": (lambda: functional(layers.Dense(3, "sigmoid")), "sigmoid"),
    "relu": (lambda: functional(layers.Dense(3, "relu")), "relu"),
    "softmax layer": (
        lambda: functional(lambda x: layers.Softmax()(layers.Dense(3)(x))),
        "softmax",
    ),
    "softmax operation": (
        lambda: functional(lambda x: keras.ops.softmax(layers.Dense(3)(x))),
        "softmax",
    ),
    "activation layer after dropout": (
        lambda: functional(
            lambda x: layers.Activation("softmax")(layers.Dropout(0.1)(layers.Dense(3)(x)))
        ),
        "softmax",
    ),
    "activation layer without effect": (
        lambda: functional(lambda x: layers.Activation("linear")(layers.Dense(3, "softmax")(x))),
        "softmax",
    ),
    "nested softmax": (lambda: nested(layers.Softmax()), "softmax"),
    "nested dropout": (lambda: nested(layers.Dropout(0.1)), "linear"),
    "nested dense": (lambda: nested(layers.Dense(2, "softmax")), "softmax"),
    "mean of two softmax": (lambda: functional(average("softmax", "softmax")), "softmax"),
    "mean of softmax and logits": (lambda: functional(average("softmax", None)), "unknown"),
    "log softmax": (lambda: functional(lambda x: keras.ops.log_softmax(x)), "log_softmax"),
    "arithmetic": (lambda: functional(lambda x: layers.Dense(3, "softmax")(x) * 2.0), "unknown"),
    "rescaled logits": (
        lambda: functional(lambda x: layers.Rescaling(2)(layers.Dense(3)(x))),
        "linear",
    ),
    "rescaled softmax": (
        lambda: functional(lambda x: layers.Rescaling(2)(layers.Dense(3, "softmax")(x))),
        "unknown",
    ),
    "rescaled input": (lambda: functional(layers.Rescaling(2)), "unknown"),
    "softmax along another axis": (
        lambda: functional(lambda x: layers.Softmax(axis=0)(layers.Dense(3)(x))),
        "unknown",
    ),
    "softmax of a layer as activation": (
        lambda: functional(layers.Dense(3, activation=layers.Softmax())),
        "softmax",
    ),
    "callable without a name": (
        lambda: functional(
            layers.Dense(3, activation=functools.partial(keras.ops.clip, x_min=0, x_max=1))
        ),
        "unknown",
    ),
    "softmax before a nested model that passes it on": (
        lambda: nested(layers.Softmax(), layers.Dropout(0.1)),
        "softmax",
    ),
    "no layer": (lambda: functional(layers.Identity()), "unknown"),
}


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="mine")
        self.dense = layers.Dense(3, activation="softmax")

    def call(self, images):
        return self.dense(images)


@pytest.mark.parametrize("head", HEADS)
def test_heads_are_read_from_the_graph(head):
    make, expected = HEADS[head]
    model = make()
    assert head_activation(model) == expected
    if expected in ("softmax", "linear"):
        assert outputs_probabilities(model) == (expected == "softmax")
    else:
        with pytest.raises(InvalidArgumentError, match=f"head is '{expected}'. End the model"):
            outputs_probabilities(model)


def test_subclassed_models_do_not_say():
    assert head_activation(Subclassed()) == "unknown"
    with pytest.raises(InvalidArgumentError, match=r"'mine' does not say .*keras.Input"):
        check_model_fits(Subclassed(), (8, 8, 1), 3)


@pytest.mark.parametrize(
    ("activation", "expected"), [("softmax", True), (None, False)], ids=["softmax", "logits"]
)
def test_the_zoo_says_what_it_returns(activation, expected):
    model = build_lmap3((94, 94, 1), classifier_activation=activation)
    assert outputs_probabilities(model) is expected
    wrapped = keras.Sequential([keras.Input((94, 94, 1)), layers.Rescaling(1.0), model])
    assert outputs_probabilities(wrapped) is expected
    assert [layer.name for layer in head_layers(wrapped)] == ["predictions"]


def test_the_head_ends_at_the_last_layer_with_weights():
    assert [x.name for x in head_layers(nested(layers.Softmax(name="end"))) if x.weights] == [
        "scores"
    ]
    assert head_layers(nested(layers.Softmax(name="end")))[0].name == "end"
