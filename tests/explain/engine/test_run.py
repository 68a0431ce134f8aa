"""What explaining leaves behind: nothing, neither in the model nor in memory."""

import gc
import threading
import weakref

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import GradCAM
from tests.explain import models
from tests.explain.kinds import KINDS, kind_functional, kind_nested_backbone, kind_subclassed
from tests.explain.models import body, dense, functional, images, tail


def test_all_zero_maps_stay_zero(small):
    model = keras.models.clone_model(small)
    model.get_layer("conv_b").set_weights(
        [np.zeros_like(w) for w in model.get_layer("conv_b").get_weights()]
    )
    assert not GradCAM(model)(images()).any()
    assert not np.isnan(GradCAM(small)(np.zeros((2, 24, 24, 1)))).any()


def test_weights_are_read_at_every_call():
    model = kind_nested_backbone()[0]
    explain = GradCAM(model)

    def assert_changed(before):
        raw = explain.explain(images(), 1).raw_map
        assert np.abs(raw - before).max() > 1e-3 * np.abs(before).max()
        fresh = GradCAM(model).explain(images(), 1).raw_map
        np.testing.assert_allclose(raw, fresh, atol=1e-5 * np.abs(fresh).max())
        return raw

    raw = explain.explain(images(), 1).raw_map
    for weight in model.trainable_weights:
        weight.assign(weight * 0.7 + 0.01)
    raw = assert_changed(raw)
    model.compile(keras.optimizers.SGD(1e-3), "sparse_categorical_crossentropy")
    model.fit(images(), np.arange(5) % 3, epochs=2, verbose=0)
    assert_changed(raw)


def state(model):
    """Everything about a model that explaining must leave alone."""
    layers_ = list(model._flatten_layers())
    return {
        "weights": [weight.tobytes() for weight in model.get_weights()],
        "flags": [layer.trainable for layer in layers_],
        "nodes": [(len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in layers_],
        "policies": [layer.dtype_policy.name for layer in layers_],
        "activations": [getattr(layer, "activation", None) for layer in layers_],
        "attributes": [sorted(vars(layer)) for layer in layers_],
        "losses": [len(layer._losses) for layer in layers_],
        "global": (keras.config.dtype_policy().name, keras.config.image_data_format()),
        "config": model.to_json() if not isinstance(model, models.Subclassed) else "",
    }


@pytest.mark.parametrize("kind", ["nested_backbone", "nested_head", "subclassed", "softmax_layer"])
def test_the_model_is_left_as_it_was(kind):
    model, _, _, layer = KINDS[kind]()
    model.trainable = False
    model.layers[-1].trainable = True
    predicted = model.predict(images(), verbose=0)
    before = state(model)
    layers.Dense(1)  # the first of a process bears no number
    keras.utils.set_random_seed(8)
    drawn, name = keras.random.uniform((3,)).numpy(), layers.Dense(1).name
    keras.utils.set_random_seed(8)
    explain = GradCAM(model, layer)
    explain(images())
    explain(images(), 0)
    np.testing.assert_array_equal(keras.random.uniform((3,)), drawn)
    assert int(layers.Dense(1).name.split("_")[-1]) == int(name.split("_")[-1]) + 1
    assert state(model) == before
    np.testing.assert_array_equal(model.predict(images(), verbose=0), predicted)


def test_layers_with_losses_and_states_are_left_alone():
    front, back, head = body(), tail(), dense()
    front[1].activity_regularizer = keras.regularizers.L2(0.1)
    statistics = layers.BatchNormalization(name="norm")
    model = functional(*front, statistics, *back, head)
    counts = [len(layer._losses) for layer in model.layers]
    GradCAM(model, "norm")(images())
    assert [len(layer._losses) for layer in model.layers] == counts
    np.testing.assert_array_equal(statistics.moving_mean, np.zeros(6))


def test_threads_agree():
    model = kind_subclassed()[0]
    expected, found = GradCAM(model, "conv_b")(images()), {}
    explain = GradCAM(model, "conv_b")

    def work(number):
        found[number] = (explain if number % 2 else GradCAM(model, "conv_b"))(images())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    for heat in found.values():
        np.testing.assert_allclose(heat, expected, atol=1e-5)
    assert "call" not in vars(model.front[-1])


def test_a_wrapper_of_the_users_is_put_back():
    model = kind_subclassed()[0]
    layer, original = model.front[-1], model.front[-1].call
    layer.__dict__["call"] = wrapper = lambda x: original(x)
    GradCAM(model, "conv_b")(images())
    assert layer.__dict__["call"] is wrapper


def test_nothing_is_kept_when_it_is_dropped():
    model = kind_functional()[0]
    explain = GradCAM(model)
    explain(images())
    watcher = weakref.ref(model)
    del explain, model
    keras.utils.clear_session()
    gc.collect()
    assert watcher() is None
