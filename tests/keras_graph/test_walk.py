"""The walk over a graph: each call once, nested ones in place, backwards only what is used."""

import keras
from keras import layers

from keras_cxr.keras_graph.walk import calls, calls_before, has_any_weights, leaf_layers


def two_headed():
    """A nested model with two outputs; the outer model uses the first, twice."""
    inputs = keras.Input((4,), name="inner_input")
    shared = layers.Dense(3, name="shared")(inputs)
    first = layers.Dense(2, name="first")(shared)
    second = layers.Dense(2, name="second")(shared)
    inner = keras.Model(inputs, [first, second], name="inner")
    images = keras.Input((4,), name="images")
    left, _ = inner(layers.Dense(4, name="before")(images))
    right, _ = inner(images)
    return keras.Model(images, layers.Softmax(name="end")(layers.Add(name="sum")([left, right])))


def paths(found):
    return [call.path for call, _ in found]


def test_forwards_each_call_is_met_inside_before_outside():
    found = [call.path for call in calls(two_headed())]
    inner = ["inner/shared", "inner/first", "inner/second", "inner"]
    assert sorted(found) == sorted(["before", *inner, *inner, "sum", "end"])
    assert found[-2:] == ["sum", "end"]
    at = found.index("inner/first")
    assert found.index("inner/shared") < at < found.index("inner")
    assert len({call.trail for call in calls(two_headed())}) == len(found)


def test_backwards_only_what_the_output_is_made_of():
    model = two_headed()
    found = paths(calls_before(model.outputs, lambda operation: False))
    assert found[:2] == ["end", "sum"]
    assert sorted(found[2:]) == sorted(["inner/first", "inner/shared"] * 2 + ["before", "images"])


def test_backwards_the_walk_ends_where_it_is_told():
    found = list(calls_before(two_headed().outputs, has_any_weights))
    assert [(call.path, ended) for call, ended in found] == [
        ("end", False),
        ("sum", False),
        ("inner/first", True),
        ("inner/first", True),
    ]
    assert len({call.trail for call, _ in found}) == 4


def test_nested_models_are_passed_by_on_demand():
    found = paths(calls_before(two_headed().outputs, has_any_weights, enter=lambda model: None))
    assert found == ["end", "sum", "inner", "inner"]


def test_tensors_that_meet_again_are_walked_once():
    x = images = keras.Input((4,))
    for number in range(30):  # 2 ** 30 ways
        x = layers.Add(name=f"add_{number}")([x, layers.Identity()(x)])
    found = paths(calls_before(keras.Model(images, x).outputs, lambda operation: False))
    assert len(found) == len(set(found)) == 61


def test_leaves_in_order_with_nested_models_opened():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="a")], name="inner")
    model = keras.Sequential([keras.Input((4,)), layers.Rescaling(1, name="r"), inner])
    assert [path for path, _ in leaf_layers(model)] == ["r", "inner/a"]


def test_models_of_an_authors_own_code_have_no_calls_to_walk():
    class Own(keras.Model):
        def call(self, images):
            return images

    assert list(calls(Own())) == []
