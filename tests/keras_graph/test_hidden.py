"""What an author's own code calls, found without values."""

import threading

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.keras_graph.hidden import hidden_calls, wrapped_call


class Own(keras.Model):
    """Calls one convolution twice and leaves a layer alone."""

    def __init__(self, *, reads_values=False):
        super().__init__()
        self.first = layers.Conv2D(3, 3, padding="same", name="first")
        self.again = layers.Conv2D(3, 3, padding="same", name="again")
        self.idle = layers.Dense(2, name="idle")
        self.idle.build((None, 3))
        self.reads_values = reads_values

    def call(self, x):
        x = self.again(self.again(self.first(x)))
        if self.reads_values and float(x[0, 0, 0, 0]) > 0:
            return -x
        return x


@pytest.fixture(params=[False, True], ids=["followed", "reads values"])
def own(request):
    model = Own(reads_values=request.param)
    model(np.zeros((1, 8, 6, 1), np.float32))
    return model


def test_calls_come_in_their_order_with_shapes(own):
    found = [(path, shape) for path, _, shape in hidden_calls(own, "")]
    if own.reads_values:  # no code can be followed that wants to see a number
        assert found == [("first", None), ("again", None), ("idle", None)]
    else:
        once = (None, 8, 6, 3)
        assert found == [("idle", None), ("first", once), ("again", once), ("again", once)]
    assert "call" not in vars(own.first)


def test_paths_begin_with_what_lies_outside(own):
    assert {path.split("/")[0] for path, _, _ in hidden_calls(own, "outer/")} == {"outer"}


def test_another_thread_meets_the_layers_own_call():
    layer, found = layers.Rescaling(2.0), {}

    def work(name):
        found[name] = float(layer(np.ones((1, 1), np.float32))[0, 0])

    with wrapped_call(layer, lambda x: x + 10):
        work("here")
        thread = threading.Thread(target=work, args=("there",))
        thread.start()
        thread.join()
    work("after")
    assert found == {"here": 11.0, "there": 2.0, "after": 2.0}
