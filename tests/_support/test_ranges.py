"""Images lie in [0, 255] wherever that is known; scaled ones are refused, never rescaled."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import (
    GradCAM,
    build_lenet5,
    build_lmap3,
    build_vgg19,
    evaluate,
    make_datasets,
    overlay,
)
from keras_cxr._support.ranges import scaled_range, scaling_layer
from keras_cxr.errors import KerasCXRError
from keras_cxr.explain import Occlusion, Saliency
from keras_cxr.inference import Classifier

LABELS = [0, 1, 1, 0]


def grey(kind="float32"):
    return np.random.default_rng(0).random((4, 32, 32, 1)).astype(kind)


def model():
    return build_lenet5((32, 32, 1), 2)


def classifier():
    return Classifier(model(), ("a", "b"), {})


TAKERS = {
    "make_datasets": lambda x: make_datasets((x, LABELS), image_size=(32, 32), split=(1, 0, 0)),
    "evaluate": lambda x: evaluate(model(), (x, LABELS)),
    "evaluate, batches": lambda x: evaluate(model(), [(x, np.array(LABELS))]),
    "GradCAM": lambda x: GradCAM(model())(x),
    "GradCAM.predict": lambda x: GradCAM(model()).predict(x),
    "Saliency": lambda x: Saliency(model())(x),
    "Occlusion": lambda x: Occlusion(model(), window=32, stride=32)(x),
    "overlay": lambda x: overlay(x, np.zeros(x.shape[:3])),
    "Classifier.predict": lambda x: classifier().predict(np.asarray(x, "float32")),
}


@pytest.mark.parametrize("taker", TAKERS)
def test_images_in_0_to_1_are_refused_by_all_that_take_0_to_255(taker):
    with pytest.raises(KerasCXRError, match=r"images are scaled .*\[0, 255\].*multiplied by 255"):
        TAKERS[taker](grey())


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("kind", ["zeros", "in range"])
def test_images_in_range_and_black_ones_are_taken(taker, kind):
    TAKERS[taker](grey() * (0 if kind == "zeros" else 255))


@pytest.mark.parametrize(
    ("values", "scaled"),
    [
        ([0.0, 0.5, 1.0], True),
        ([-1.0, 0.2], True),
        ([1e-3], True),
        ([0.0, 0.0], False),
        ([0.5, 1.5], False),
        ([0, 1], False),
        ([], False),
        ([np.nan], False),
    ],
)
def test_what_counts_as_scaled(values, scaled):
    assert (scaled_range(np.array(values)) is not None) == scaled
    if values and values[0] % 1:
        assert (scaled_range(np.array(values, "float16")) is not None) == scaled


def begun_with(*first):
    steps = [layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    return keras.Sequential([keras.Input((32, 32, 1)), *first, *steps])


def normalized(mean):
    found = begun_with(layers.BatchNormalization(name="norm"))
    found.get_layer("norm").moving_mean.assign([mean])
    return found


MODELS = {
    "LeNet-5": (model, True),
    "ImageNet preprocessing": (
        lambda: build_vgg19((32, 32, 3), 2, weights=None, preprocessing="imagenet"),
        True,
    ),
    "LMAP3 that was not trained": (lambda: build_lmap3((94, 94, 1), 2), False),
    "trained on [0, 255]": (lambda: normalized(120), True),
    "trained on [0, 1]": (lambda: normalized(0.5), False),
    "divided": (lambda: begun_with(layers.RandomFlip(), layers.Rescaling(1 / 127.5, -1)), True),
    "in a model": (lambda: begun_with(begun_with(layers.Rescaling(1 / 255)).layers[0]), True),
    "multiplied": (lambda: begun_with(layers.Rescaling(2.0, -1)), False),
    "somebody's own": (lambda: begun_with(), False),
    "divided later": (lambda: begun_with(layers.Conv2D(1, 3), layers.Rescaling(1 / 255)), False),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_that_show_that_they_scale(name):
    make, shows = MODELS[name]
    assert (scaling_layer(make()) is not None) == shows


def test_a_model_of_images_in_0_to_1_is_explained_and_evaluated():
    own = begun_with()
    assert GradCAM(own)(grey()).shape == (4, 32, 32)
    assert len(evaluate(own, (grey(), LABELS)).predictions) == 4
