"""The head is found on whatever a classifier is built from; its copy computes the same."""

import random

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import build_densenet121, build_lenet5, build_vgg19
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.backbone import split_classifier, untrained_normalizations
from tests.models.test_zoo import NAMES, build, smallest_shape

DENSE_OF = {"alexnet": 3, "lenet5": 3, "lmap3": 3}  # of the zoo's others the last layer alone


def images(model, size=32):
    _, height, width, channels = model.input_shape
    shape = (2, height or size, width or size, channels)
    return np.random.default_rng(0).uniform(0, 255, shape).astype("float32")


def assert_same_answer(model):
    """Backbone and head give the model's own answer, and the model stays as it was."""
    config, calls = model.get_config(), [len(layer._inbound_nodes) for layer in model.layers]
    state = random.getstate()
    parts = split_classifier(model)
    assert random.getstate() == state
    parts.take()
    batch = images(model)
    found = parts.head(parts.backbone(batch, training=False), training=False)
    np.testing.assert_allclose(found, model(batch, training=False), rtol=1e-4, atol=1e-6)
    assert model.get_config() == config
    assert [len(layer._inbound_nodes) for layer in model.layers] == calls
    return parts


@pytest.mark.parametrize("name", [name for name in NAMES if name != "densenet121"])
def test_the_networks_of_the_zoo(name):
    model = build(name, input_shape=smallest_shape(name), num_classes=3)
    parts = assert_same_answer(model)
    names = parts.layer_names
    assert names[-1] == "predictions"
    assert len(names) == DENSE_OF.get(name, 1)
    kinds = [type(layer).__name__ for layer in parts.head.layers]
    assert "Dropout" not in [type(layer).__name__ for layer in parts.backbone.layers]
    assert kinds.count("Dropout") == sum(isinstance(one, layers.Dropout) for one in model.layers)


@pytest.mark.slow
def test_densenet():
    parts = split_classifier(build_densenet121((32, 32, 1), 3, weights=None))
    assert parts.backbone.output_shape == (None, 1024)
    assert parts.layer_names == ["predictions"]


def test_vgg19_with_what_its_weights_expect():
    model = build_vgg19((32, 32, 1), 3, weights=None, preprocessing="imagenet", trainable=False)
    parts = assert_same_answer(model)
    assert parts.backbone.output_shape == (None, 512)
    assert not parts.backbone.trainable_weights
    assert len(parts.head.trainable_weights) == 2


def convolutions(x, *, normalized=False):
    for filters in (4, 6):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.BatchNormalization()(x) if normalized else x
        x = layers.MaxPooling2D()(x)
    return x


def functional(head, *, size=32, **options):
    inputs = keras.Input((size, size, 1))
    x = convolutions(inputs, **options)
    for step in head:
        x = step(x)
    return keras.Model(inputs, x, name="own")


def softmax():
    return layers.Dense(3, activation="softmax", name="last")


HEADS = {
    "one": (lambda: [layers.Flatten(), softmax()], ["last"], (216,)),
    "dropout on maps": (
        lambda: [layers.SpatialDropout2D(0.5), layers.GlobalAveragePooling2D(), softmax()],
        ["last"],
        (6, 6, 6),
    ),
    "no dropout at all": (
        lambda: [layers.Dropout(0.0), layers.Flatten(), softmax()], ["last"], (216,)
    ),
    "normalized": (
        lambda: [
            layers.GlobalMaxPooling2D(), layers.BatchNormalization(name="flat"),
            layers.Dense(5, use_bias=False, name="first"), layers.LayerNormalization(name="mid"),
            layers.PReLU(name="prelu"), layers.GaussianNoise(0.1), softmax(),
        ],
        ["flat", "first", "mid", "prelu", "last"],
        (6,),
    ),
    "operations": (
        lambda: [
            layers.GlobalAveragePooling2D(), layers.Dense(3, name="last"),
            lambda x: keras.ops.multiply(2.0, x), keras.activations.softmax,
        ],
        ["last"],
        (6,),
    ),
    "a layer twice": (lambda: _twice(), ["same", "last"], (6,)),
}  # fmt: skip


def _twice():
    same = layers.Dense(6, activation="tanh", name="same")
    return [layers.GlobalAveragePooling2D(), same, same, softmax()]


@pytest.mark.parametrize("kind", HEADS)
def test_heads_of_ones_own(kind):
    make, names, shape = HEADS[kind]
    parts = assert_same_answer(functional(make()))
    assert parts.layer_names == names
    assert parts.backbone.output_shape[1:] == shape


def test_normalized_maps_are_the_backbones():
    model = functional([layers.GlobalAveragePooling2D(), softmax()], normalized=True)
    parts = assert_same_answer(model)
    assert parts.layer_names == ["last"]
    assert len(untrained_normalizations(parts.backbone)) == 2
    model.layers[2].moving_mean.assign([1.0] * 4)
    assert len(untrained_normalizations(parts.backbone)) == 1


def nested_backbone():
    inputs = keras.Input((32, 32, 1))
    features = keras.Model(inputs, convolutions(inputs), name="features")
    return keras.Sequential(
        [keras.Input((32, 32, 1)), features, layers.Flatten(), layers.Dropout(0.5), softmax()]
    )


def nested_head():
    inputs = keras.Input((32, 32, 1))
    maps = convolutions(inputs)
    head = keras.Sequential(
        [
            keras.Input(maps.shape[1:]),
            layers.Flatten(),
            layers.Dense(4, activation="relu"),
            softmax(),
        ]
    )
    return keras.Model(inputs, head(maps))


def nested_whole():
    inner = build_lenet5((32, 32, 1), 3)
    inputs = keras.Input((32, 32, 1))
    middle = keras.Model(inputs, layers.Activation("linear")(inner(layers.Rescaling(0.5)(inputs))))
    return keras.Sequential([keras.Input((32, 32, 1)), layers.Rescaling(2.0), middle])


@pytest.mark.parametrize("make", [nested_backbone, nested_head, nested_whole])
def test_nested_models_are_looked_into(make):
    assert_same_answer(make())


def test_images_of_any_size():
    inputs = keras.Input((None, None, 1))
    x = layers.Dropout(0.1)(convolutions(inputs))
    model = keras.Model(inputs, softmax()(layers.GlobalAveragePooling2D()(x)))
    assert assert_same_answer(model).backbone.output_shape == (None, None, None, 6)


def test_what_was_trained_goes_back():
    model = functional([layers.Flatten(), layers.Dropout(0.5), softmax()])
    parts = split_classifier(model)
    parts.take()
    before = model.get_weights()
    parts.head.layers[-1].kernel.assign(parts.head.layers[-1].kernel + 1)
    parts.hand_back()
    for old, new in zip(before[:-2], model.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_allclose(model.get_weights()[-2], before[-2] + 1, rtol=1e-6)


def dense_alone():
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.BatchNormalization(), layers.Flatten(), softmax()]
    )


def fully_convolutional():
    return functional([layers.Conv2D(3, 1), layers.GlobalAveragePooling2D(), layers.Softmax()])


def two_branches():
    inputs = keras.Input((32, 32, 1))
    x = layers.Flatten()(convolutions(inputs))
    return keras.Model(inputs, layers.Average()([softmax()(x), layers.Dense(3)(x)]))


def with_code_of_its_own():
    class Own(keras.Model):
        def call(self, x):
            return 2 * super().call(x)

    inputs = keras.Input((32, 32, 1))
    return Own(inputs, softmax()(layers.Flatten()(convolutions(inputs))))


@pytest.mark.parametrize(
    "make", [dense_alone, fully_convolutional, two_branches, with_code_of_its_own]
)
def test_models_without_such_a_head_are_refused(make):
    model = make()
    with pytest.raises(InvalidArgumentError, match=rf"'{model.name}' cannot be .* end in a chain"):
        split_classifier(model)


def test_a_head_that_is_not_trained_is_refused():
    model = functional([layers.Flatten(), softmax()])
    model.layers[-1].trainable = False
    with pytest.raises(InvalidArgumentError, match="its dense layers are not trainable"):
        split_classifier(model)
