"""Replays in threads: graphs at the same time, layers in an author's own code one by one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.explain import GradCAM
from keras_cxr.keras_graph.layers import resolve_site
from keras_cxr.keras_graph.replay import Replay
from keras_cxr.keras_graph.unpublished import ALONE, kept_losses
from tests.explain.models import images

PICTURES = images(2).astype("float32")
PATIENCE = 120  # seconds until a test that would hang fails


def functional(regularizer=None):
    inputs = keras.Input((24, 24, 1))
    maps = layers.Conv2D(4, 3, activation="relu", name="conv", activity_regularizer=regularizer)
    features = layers.GlobalAveragePooling2D()(maps(inputs))
    return keras.Model(inputs, layers.Dense(3, activation="softmax", name="head")(features))


def sequential():
    return keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


class Subclassed(keras.Model):
    def __init__(self, conv=None):
        super().__init__()
        self.conv = conv or layers.Conv2D(4, 3, activation="relu", name="conv")
        self.head = layers.Dense(3, activation="softmax", name="head")

    def call(self, x):
        return self.head(keras.ops.mean(self.conv(x), (1, 2)))


def subclassed(conv=None):
    model = Subclassed(conv)
    model(PICTURES)
    return model


def run(model, watch):
    with keras.StatelessScope():
        scores, maps = Replay(model, resolve_site(model, "conv"))(
            keras.ops.convert_to_tensor(PICTURES), watch
        )
    return np.asarray(scores), np.asarray(maps)


def others_may_run():
    """Whether another thread could wrap layers now."""

    def tried():
        free = ALONE.acquire(blocking=False)
        if free:
            ALONE.release()
        return free

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(tried).result(PATIENCE)


@pytest.mark.parametrize("kind", [functional, sequential])
def test_two_threads_are_inside_their_replays_at_the_same_time(kind):
    models = [kind(), kind()]
    expected = [run(model, lambda output: output) for model in models]
    both = threading.Barrier(2, timeout=PATIENCE)

    def watch(output):
        both.wait()  # which ends when both threads are here, between two layers
        return output

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda model: run(model, watch), models, timeout=PATIENCE))
    for mine, own in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine[0], own[0], rtol=1e-6)
        np.testing.assert_allclose(mine[1], own[1], rtol=1e-6)


def test_two_threads_explain_at_the_same_time():
    models = [functional(), functional()]
    expected = [GradCAM(model, "conv")(PICTURES) for model in models]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda model: GradCAM(model, "conv")(PICTURES), models))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "free"),
    [
        (functional, True),
        (sequential, True),
        (subclassed, False),
        (lambda: functional(keras.regularizers.L2(0.1)), False),
    ],
    ids=["functional", "sequential", "subclassed", "with losses"],
)
def test_only_what_is_wrapped_or_kept_makes_others_wait(make, free):
    seen = []

    def watch(output):
        seen.append(others_may_run())
        return output

    run(make(), watch)
    assert seen == [free]
    assert others_may_run()


def test_a_layer_that_another_thread_has_wrapped_is_the_layers_own_here():
    """The subclassed model's last layer is wrapped while a graph that shares it is replayed."""
    mine = subclassed()
    inputs = keras.Input((24, 24, 1))
    features = layers.GlobalAveragePooling2D()(mine.conv(inputs))
    graph = keras.Model(inputs, mine.head(features))
    expected, found = run(graph, lambda output: output), []

    def watch(output):
        with ThreadPoolExecutor(1) as pool:
            found.append(pool.submit(run, graph, lambda output: output).result(PATIENCE))
        return output

    run(mine, watch)
    assert len(found) == 1
    np.testing.assert_allclose(found[0][0], expected[0], rtol=1e-6)
    assert (expected[0] < 0).any()  # scores, no probabilities
    assert "call" not in vars(mine.head)


def test_losses_survive_threads_that_replay_one_model():
    model = functional(keras.regularizers.L2(0.1))
    model(PICTURES)
    before = [float(loss) for loss in model.losses]
    assert len(before) == 1

    def explained(_):
        with kept_losses(model):
            return run(model, lambda output: output)[0]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(explained, range(8), timeout=PATIENCE))
    assert [float(loss) for loss in model.losses] == before
