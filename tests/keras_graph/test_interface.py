import keras
import pytest
from keras import layers

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.interface import (
    check_model_fits,
    has_softmax_head,
    head_activation,
    head_layers,
    outputs_probabilities,
)
from keras_cxr.models import build_lmap3, build_vgg19


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
    "log softmax": (lambda: functional(lambda x: keras.ops.log_softmax(x)), "logsoftmax"),
    "arithmetic": (lambda: functional(lambda x: layers.Dense(3, "softmax")(x) * 2.0), "unknown"),
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
    assert has_softmax_head(model) == (expected == "softmax")
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


def test_what_fits():
    check_model_fits(build_vgg19((32, 32, 3), weights=None), (32, 32, 3), 4)
    images = keras.Input((None, None, 1))
    anything = keras.Model(images, layers.Dense(2)(layers.GlobalAveragePooling2D()(images)))
    check_model_fits(anything, (17, 40, 1), 2)


@pytest.mark.parametrize(
    ("shape", "classes", "words"),
    [
        ((94, 94, 3), 4, r'takes 1 channels, the images have 3: .*color_mode="grayscale"'),
        ((100, 80, 1), 4, r"94 x 94 pixels .* have 100 x 80: .*image_size=\(94, 94\)"),
        ((94, 94, 1), 3, r"the labels have 3 classes: build the model with num_classes=3"),
        ((94, 94), 4, r"shape \(94, 94, 1\), the images have shape \(94, 94\)"),
    ],
)
def test_what_does_not_fit_names_the_mend(shape, classes, words):
    with pytest.raises(InvalidArgumentError, match=words):
        check_model_fits(build_lmap3((94, 94, 1)), shape, classes)


def test_channels_without_a_colour_mode():
    images = keras.Input((8, 8, 5))
    model = keras.Model(images, layers.Dense(2)(layers.Flatten()(images)))
    with pytest.raises(InvalidArgumentError, match=r"have 1: build the model with input_shape"):
        check_model_fits(model, (8, 8, 1), 2)


def test_models_with_several_outputs_and_maps_are_refused():
    images = keras.Input((8, 8, 1))
    scores = layers.Dense(2)(layers.Flatten()(images))
    with pytest.raises(InvalidArgumentError, match="has 2 outputs: use a model with one"):
        check_model_fits(keras.Model(images, [scores, scores]), (8, 8, 1), 2)
    with pytest.raises(InvalidArgumentError, match=r"outputs of shape \(8, 8, 2\)"):
        check_model_fits(keras.Model(images, layers.Conv2D(2, 1)(images)), (8, 8, 1), 2)
