import json

import keras
import numpy as np
import pytest
from keras import losses, metrics

from keras_cxr.audit.of_model.controls.recipe import recipe_of_run
from keras_cxr.errors import InvalidArgumentError, TrainingError
from keras_cxr.training import load_run, train
from keras_cxr.training.objective import METRICS, make_objective
from tests.training.conftest import KillAt, Killed, assert_same_state, build_small, state_of

QUIET = {"verbose": 0, "precision": "float32"}
LABELS = np.eye(3, dtype="float32")[[0, 2, 1]]
OUTPUTS = np.array([[2.0, 1, 0], [0.5, 0, 1], [1, 1, 1]], "float32")


def own_loss(labels, outputs):
    return keras.ops.mean(keras.ops.square(labels - outputs), axis=-1)


@pytest.mark.parametrize("from_logits", [False, True])
def test_the_studys_loss_and_metric_are_written_as_ever(from_logits):
    usual = {"loss": {"name": "categorical_crossentropy", "from_logits": from_logits}}
    crossentropy = losses.CategoricalCrossentropy(from_logits=from_logits)
    for loss in (None, "categorical_crossentropy", "CategoricalCrossentropy", crossentropy):
        found = make_objective(loss, METRICS, from_logits=from_logits)
        assert found.settings == usual
        assert found.loss.get_config()["from_logits"] == from_logits
        assert found.metrics == ["accuracy"]
    smooth = losses.CategoricalCrossentropy(from_logits=from_logits, label_smoothing=0.1)
    assert make_objective(smooth, METRICS, from_logits=from_logits).settings != usual


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("categorical_focal_crossentropy", losses.CategoricalFocalCrossentropy(from_logits=True)),
        ("binary_crossentropy", losses.BinaryCrossentropy(from_logits=True)),
        ("kl_divergence", losses.KLDivergence()),
        ("mse", losses.mean_squared_error),
    ],
)
def test_a_loss_that_is_named_follows_the_models_head(name, expected):
    found = make_objective(name, METRICS, from_logits=True).loss
    ours = np.mean(keras.ops.convert_to_numpy(found(LABELS, OUTPUTS)))
    theirs = np.mean(keras.ops.convert_to_numpy(expected(LABELS, OUTPUTS)))
    assert ours == pytest.approx(theirs)


REFUSED = {
    "no loss": ({"loss": "crossentropie"}, "loss must be a Keras loss.*'crossentropie'"),
    "a number": ({"loss": 3}, "loss must be a Keras loss.*not 3"),
    "class indices": (
        {"loss": "sparse_categorical_crossentropy"},
        'takes class indices.*without "sparse"',
    ),
    "logits": (
        {"loss": losses.CategoricalFocalCrossentropy(from_logits=True)},
        "from_logits=True, but the model returns probabilities: make it with from_logits=False",
    ),
    "a lambda": ({"loss": lambda y, p: y - p}, "cannot be written down.*function with a name"),
    "no metric": ({"metrics": ["acuracy"]}, "metrics must hold Keras metrics.*'acuracy'"),
    "one name": ({"metrics": "accuracy"}, "metrics must be a list"),
    "indices to measure": (
        {"metrics": ["sparse_categorical_accuracy"]},
        "'sparse_categorical_accuracy' takes class indices",
    ),
    "logits to measure": (
        {"metrics": [metrics.AUC(from_logits=True, name="area")]},
        "the metric 'area' is made with from_logits=True",
    ),
    "a lambda to measure": ({"metrics": [lambda y, p: y]}, "cannot be written down"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_before_the_first_epoch(case, squares, tmp_path):
    options, words = REFUSED[case]
    with pytest.raises(InvalidArgumentError, match=words):
        train(build_small(), squares, epochs=1, run_dir=tmp_path / "run", **options, **QUIET)
    assert not (tmp_path / "run").exists()


def options():
    return {
        "loss": "categorical_focal_crossentropy",
        "metrics": ["accuracy", "AUC", own_loss],
        "epochs": 3,
    }


def test_a_run_with_its_own_loss_and_metrics_is_resumed_exactly(tmp_path, squares):
    def small():
        keras.utils.set_random_seed(1)
        return build_small()

    whole, resumed = small(), small()
    run = train(whole, squares, **options(), **QUIET)
    assert {"auc", "val_auc", "own_loss", "accuracy"} <= set(run.history)
    with pytest.raises(Killed):
        train(small(), squares, run_dir=tmp_path, callbacks=[KillAt(1, 1)], **options(), **QUIET)
    with pytest.raises(TrainingError, match=r"other settings .loss"):
        train(small(), squares, run_dir=tmp_path, epochs=3, metrics=options()["metrics"], **QUIET)
    with pytest.raises(TrainingError, match=r"other settings .metrics"):
        train(small(), squares, run_dir=tmp_path, epochs=3, loss=options()["loss"], **QUIET)
    again = train(resumed, squares, run_dir=tmp_path, callbacks=[KillAt(99)], **options(), **QUIET)
    assert again.history == run.history
    assert_same_state(state_of(resumed), state_of(whole))
    assert load_run(tmp_path).history == run.history
    record = json.loads((tmp_path / "run.json").read_text())
    recipe = recipe_of_run(record, squares, build=small)
    assert isinstance(recipe.new_loss(), losses.CategoricalFocalCrossentropy)


def test_a_control_needs_a_loss_that_can_be_made_again(squares):
    def record_of(loss):
        settings = make_objective(loss, METRICS, from_logits=False).settings
        return {
            "settings": {**settings, "class_weight": None, "optimizer": {}},
            "epochs_trained": 1,
            "precision": "float32",
        }

    assert recipe_of_run(record_of(None), squares, build=build_small).new_loss() is None
    named = recipe_of_run(record_of("mse"), squares, build=build_small).new_loss()
    assert named is losses.mean_squared_error
    own = recipe_of_run(record_of(own_loss), squares, build=build_small)
    with pytest.raises(InvalidArgumentError, match="'own_loss', which its record only names"):
        own.new_loss()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("xrays", r"received 'xrays'\. Pass make_datasets\('xrays'\)"),
        ((np.zeros((4, 32, 32)), np.zeros(4, int)), r"received arrays\. Pass make_datasets\(\(im"),
        (iter([]), "received a list_iterator"),
        (None, "received a NoneType"),
    ],
)
def test_data_that_are_no_data_sets_are_told_how_to_become_some(given, words):
    with pytest.raises(InvalidArgumentError, match=f"train takes the data sets.*{words}"):
        train(build_small(), given, epochs=1, **QUIET)
