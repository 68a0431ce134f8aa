"""Models of own parts, and models that cannot answer, at the door."""

import random

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.models.files import read_model, why_unreadable


class Doubled(layers.Layer):
    """Not registered: Keras finds it in no other process."""

    def call(self, x):
        return 2 * x


class Secretive(layers.Layer):
    def __init__(self, thing, **kwargs):
        super().__init__(**kwargs)
        self.thing = thing

    def call(self, x):
        return x


@keras.saving.register_keras_serializable("tests")
class Known(Doubled):
    pass


def twice(x):
    return 2 * x


def model_of(*steps):
    x = inputs = keras.Input((4, 4, 1))
    for step in (*steps, layers.Flatten(), layers.Dense(2, activation="softmax")):
        x = step(x)
    return keras.Model(inputs, x, name="own")


UNREADABLE = {
    "an unregistered layer": (lambda: model_of(Doubled()), "'Doubled', which is not Keras' own"),
    "one in a nested model": (
        lambda: model_of(keras.Sequential([keras.Input((4, 4, 1)), Doubled()])),
        'custom_objects={"Doubled": Doubled}',
    ),
    "an activation of one's own": (lambda: model_of(layers.Activation(twice)), "'twice'"),
    "a Lambda layer": (
        lambda: model_of(layers.Lambda(lambda x: 2 * x)),
        r"Lambda layer.*never run.*load_weights",
    ),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_a_file_will_not_give_back_is_known_before(kind, tmp_path):
    make, words = UNREADABLE[kind]
    model = make()
    random.seed(5)
    state = random.getstate()
    model.save(tmp_path / "own.keras")
    with pytest.raises(DataError, match=words):
        read_model(tmp_path / "own.keras")
    random.setstate(state)
    reason = why_unreadable(model)
    with pytest.raises(DataError, match=words):
        raise DataError(reason)
    assert random.getstate() == state


def test_own_parts_are_taken_from_custom_objects(tmp_path):
    model = model_of(Doubled(), layers.Activation(twice))
    model.save(tmp_path / "own.keras")
    own = {"Doubled": Doubled, "twice": twice}
    read = read_model(tmp_path / "own.keras", custom_objects=own)
    pictures = np.ones((2, 4, 4, 1), "float32")
    np.testing.assert_array_equal(read.predict_on_batch(pictures), model.predict_on_batch(pictures))
    with pytest.raises(InvalidArgumentError, match="custom_objects must be a dictionary"):
        read_model(tmp_path / "own.keras", custom_objects=[Doubled])


@pytest.mark.parametrize("step", [Known, lambda: layers.Conv2D(2, 3), lambda: layers.Dropout(0.5)])
def test_registered_and_keras_own_parts_come_back(step):
    assert why_unreadable(model_of(step())) is None


def test_a_layer_that_does_not_say_how_it_was_made():
    with pytest.raises(InvalidArgumentError, match=r"'own' cannot be written.*get_config\(\)"):
        why_unreadable(model_of(Secretive(object())))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_that_are_no_numbers_are_refused(dtype, tmp_path):
    model = model_of(layers.Conv2D(2, 3, name="broken", dtype=dtype))
    kernel, bias = model.get_layer("broken").get_weights()
    bias[1] = np.nan
    model.get_layer("broken").set_weights([kernel, bias])
    model.save(tmp_path / "nan.keras")
    with pytest.raises(DataError, match=r"nan\.keras holds NaN in the weights 'broken/bias'"):
        read_model(tmp_path / "nan.keras")
