import json
from dataclasses import replace

import keras
import pytest
from keras import layers

from keras_cxr.training.settings import describe_model, describe_settings, find_difference
from tests.training.conftest import build_small


def settings_of(datasets, model=None, *, optimizer="adam", class_weight=None, from_logits=False):
    document = describe_settings(
        model or build_small(),
        datasets,
        optimizer=keras.optimizers.get(optimizer),
        class_weight=class_weight,
        from_logits=from_logits,
    )
    return json.loads(json.dumps(document))


def test_two_builds_of_one_model_are_equal_whatever_their_names(squares):
    first, second = settings_of(squares), settings_of(squares)
    assert find_difference(first, second) is None


def test_schedules_are_part_of_the_optimizer(squares):
    def adam(rate):
        schedule = keras.optimizers.schedules.ExponentialDecay(rate, 10, 0.9)
        return settings_of(squares, optimizer=keras.optimizers.Adam(schedule))

    assert find_difference(adam(1e-3), adam(1e-3)) is None
    assert "initial_learning_rate: was 0.001, is 0.002" in find_difference(adam(1e-3), adam(2e-3))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": build_small(filters=4)}, "model config"),
        ({"model": build_small(dropout=0.5)}, "rate: was 0.3, is 0.5"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"optimizer": keras.optimizers.Adam(0.01)}, "learning_rate: was 0.001"),
        ({"class_weight": {0: 1.0, 1: 2.0, 2: 1.0, 3: 1.0}}, "class_weight: was None"),
        ({"from_logits": True}, "from_logits: was False, is True"),
    ],
)
def test_what_changes_the_course_is_named(squares, change, words):
    assert words in find_difference(settings_of(squares), settings_of(squares, **change))


def test_other_data_are_named(squares):
    other = replace(squares, batch_size=squares.batch_size)
    assert find_difference(settings_of(squares), settings_of(other)) is None
    before, after = settings_of(squares), settings_of(squares)
    after["data"]["region"] = "lungs"
    assert find_difference(before, after) == "data region: was 'full', is 'lungs'"


def test_another_wiring_is_another_model():
    def model(swapped):
        images = keras.Input((4,))
        one = layers.Dense(4)(images)
        two = layers.Dense(4)(one)
        parts = [two, one] if swapped else [one, two]
        return describe_model(keras.Model(images, layers.Subtract()(parts)))

    assert model(False) == model(False)
    assert model(False) != model(True)
