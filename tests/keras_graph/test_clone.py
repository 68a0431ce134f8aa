"""Copies of models: their own layers, the same weights or new ones."""

import random

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.clone import cloned

WORDS = {"failing": "cloned, so that nothing can be tried", "advice": "Take another."}


def network(*middle):
    return keras.Sequential(
        [keras.Input((8, 8, 1)), *middle, layers.Flatten(), layers.Dropout(0.5), layers.Dense(2)]
    )


class Unclonable(layers.Layer):
    """A layer whose author forgot `get_config`."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def test_the_copy_has_the_same_weights_in_layers_of_its_own():
    model = network()
    random.seed(3)
    copy = cloned(model, **WORDS)
    after = random.random()
    random.seed(3)
    assert random.random() == after
    for mine, own in zip(copy.weights, model.weights, strict=True):
        assert mine is not own
        np.testing.assert_array_equal(mine, own)


def test_new_weights_are_drawn_like_those_of_a_new_model():
    model = network()
    kernels = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        kernels.append(cloned(model, **WORDS, with_weights=False).get_weights()[0])
    np.testing.assert_array_equal(*kernels)
    assert not np.array_equal(kernels[0], model.get_weights()[0])
    drawn = cloned(model, **WORDS, with_weights=False).get_weights()[0]
    assert not np.array_equal(kernels[0], drawn)


@pytest.mark.parametrize("with_weights", [True, False])
def test_what_keras_cannot_copy_is_an_error_in_the_callers_words(with_weights):
    model = network(Unclonable(lambda x: x / 255))
    with pytest.raises(
        InvalidArgumentError,
        match=r"'sequential.*' cannot be cloned, so that nothing can be tried: .+\. Take another\.",
    ):
        cloned(model, **WORDS, with_weights=with_weights)
