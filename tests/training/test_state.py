import json

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.errors import InvalidArgumentError, TrainingError
from keras_cxr.training.state import (
    assign_variables,
    from_bytes,
    read_callbacks,
    read_variables,
    restore_callbacks,
    to_bytes,
    warn_about_lost_state,
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


class Remembers(keras.callbacks.Callback):
    def __init__(self, state=None):
        super().__init__()
        self.state = state

    def get_state(self):
        return {"it": self.state}

    def set_state(self, state):
        self.state = state["it"]


class Counts(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.count = 0


@given(plain)
@settings(max_examples=60)
def test_plain_state_returns_as_it_was(state):
    document, arrays = read_callbacks([Remembers(state)])
    document = from_bytes(to_bytes(document))
    other = Remembers()
    restore_callbacks([other], document, arrays)
    assert other.state == state
    assert type(other.state) is type(state)


def test_arrays_in_a_state_return_with_their_type():
    weights = [np.arange(3, dtype="float32"), np.ones((2, 2), "uint8")]
    document, arrays = read_callbacks([Remembers(weights), Remembers(np.float32(0.5))])
    json.dumps(document)
    first, second = Remembers(), Remembers()
    restore_callbacks([first, second], document, arrays)
    for old, new in zip(weights, first.state, strict=True):
        assert old.dtype == new.dtype
        np.testing.assert_array_equal(old, new)
    assert second.state == 0.5


def test_objects_in_a_state_are_refused():
    with pytest.raises(InvalidArgumentError, match="callback Remembers holds a object"):
        read_callbacks([Remembers(object())])


def test_known_callbacks_return():
    stopping = keras.callbacks.EarlyStopping(restore_best_weights=True)
    stopping.on_train_begin()
    stopping.wait, stopping.best, stopping.best_epoch = 2, 0.25, 4
    stopping.best_weights = [np.ones(2, "float32")]
    plateau = keras.callbacks.ReduceLROnPlateau()
    plateau.best, plateau.cooldown_counter, plateau.wait = 0.5, 1, 3
    checkpoint = keras.callbacks.ModelCheckpoint("x.keras")
    checkpoint.best = 0.125
    document, arrays = read_callbacks([stopping, plateau, checkpoint])
    others = [
        keras.callbacks.EarlyStopping(restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(),
        keras.callbacks.ModelCheckpoint("x.keras"),
    ]
    restore_callbacks(others, document, arrays)
    assert (others[0].wait, others[0].best, others[0].best_epoch) == (2, 0.25, 4)
    np.testing.assert_array_equal(others[0].best_weights[0], np.ones(2))
    assert (others[1].best, others[1].cooldown_counter, others[1].wait) == (0.5, 1, 3)
    assert others[2].best == 0.125


def test_callbacks_without_partner_are_named():
    document, arrays = read_callbacks([Remembers(1), Remembers(2)])
    kept = Remembers()
    with pytest.warns(UserWarning, match="Remembers 1 is no longer .*EarlyStopping 0 is new"):
        restore_callbacks([kept, keras.callbacks.EarlyStopping()], document, arrays)
    assert kept.state == 1


def test_forgetful_callbacks_are_named():
    with pytest.warns(UserWarning, match="memory back: Counts, CSVLogger"):
        warn_about_lost_state([Counts(), keras.callbacks.CSVLogger("log.csv")])


def test_the_others_are_not_named(recwarn):
    warn_about_lost_state(
        [
            Remembers(),
            keras.callbacks.Callback(),
            keras.callbacks.EarlyStopping(),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate),
        ]
    )
    assert not recwarn.list


def test_variables_of_another_model_are_refused():
    one = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    two = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    arrays = read_variables(one.variables, "model")
    with pytest.raises(TrainingError, match="do not belong to this model"):
        assign_variables(two.variables, arrays, "model")
    with pytest.raises(TrainingError, match="do not belong to this optimizer"):
        assign_variables(one.variables, arrays, "optimizer")
