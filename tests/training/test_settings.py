import json
from dataclasses import replace

import keras
import pytest
from keras import layers

from keras_cxr.training.objective import METRICS, make_objective
from keras_cxr.training.settings import (
    describe_model,
    describe_settings,
    find_difference,
    with_later_options,
)
from tests.training.conftest import build_small


def settings_of(
    datasets,
    model=None,
    *,
    optimizer="adam",
    class_weight=None,
    from_logits=False,
    loss=None,
    metrics=METRICS,
):
    document = describe_settings(
        model or build_small(),
        datasets,
        optimizer=keras.optimizers.get(optimizer),
        class_weight=class_weight,
        objective=make_objective(loss, metrics, from_logits=from_logits),
    )
    return json.loads(json.dumps(document))


def test_two_builds_of_one_model_are_equal_whatever_their_names(squares):
    first, second = settings_of(squares), settings_of(squares)
    assert find_difference(first, second) is None


def test_a_run_from_before_there_was_a_choice_of_intensity_goes_on(squares):
    now = settings_of(squares)
    before = {**now, "data": {key: now["data"][key] for key in now["data"] if key != "intensity"}}
    assert "intensity" in find_difference(before, now)
    assert find_difference(with_later_options(before), now) is None
    spread = settings_of(replace(squares, intensity="percentiles"))
    assert "was 'stored', is 'percentiles'" in find_difference(with_later_options(before), spread)


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
        ({"loss": "mse"}, "loss class_name: was None, is 'function'"),
        ({"loss": "categorical_focal_crossentropy"}, "loss class_name"),
        ({"metrics": ["accuracy", "AUC"]}, "metrics: was None"),
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


def test_layers_that_follow_one_another_are_the_same_as_a_sequential():
    def steps():
        return [layers.Dense(4, activation="relu"), layers.Dropout(0.5), layers.Dense(3)]

    def graph(steps, *, twice=False):
        inputs = x = keras.Input((4,))
        for step in steps:
            x = step(x)
        x = layers.Add()([x, steps[-1](steps[0](inputs))]) if twice else x
        return keras.Model(inputs, x)

    def nested(inside):
        return keras.Sequential([keras.Input((4,)), inside, layers.Softmax()])

    def differ(one, other):
        return find_difference(*(json.loads(json.dumps(describe_model(m))) for m in (one, other)))

    row = keras.Sequential([keras.Input((4,)), *steps()])
    assert differ(row, graph(steps())) is None
    assert differ(graph(steps()), row) is None
    assert differ(nested(row), nested(graph(steps()))) is None
    assert "units: was 3, is 2" in differ(row, graph([*steps()[:2], layers.Dense(2)]))
    assert differ(row, graph(steps(), twice=True)) is not None
    assert differ(row, graph([layers.Dropout(0.5), layers.Dense(4), layers.Dense(3)])) is not None
