"""Two stages: the head alone on features, then all layers; killed anywhere, the end is the same."""

import dataclasses
import json
import math

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import make_datasets
from keras_cxr.errors import InvalidArgumentError, TrainingError
from keras_cxr.models import MODELS
from keras_cxr.training import RECIPES, TrainingRecipe, load_run, train
from keras_cxr.training.recipes import options_for
from keras_cxr.training.stages.head import NOT_AUGMENTED
from tests.training.conftest import (
    Killed,
    assert_same_state,
    bright_squares,
    build_small,
    state_of,
)
from tests.training.stages.conftest import lenet

QUIET = {"verbose": 0, "precision": "float32"}
TWO = TrainingRecipe(name="two", epochs=2, learning_rate=1e-4, head_epochs=3)


def small(seed, **options):
    keras.utils.set_random_seed(seed)
    return build_small(**options)


@keras.saving.register_keras_serializable(package="tests")
class Mortal(keras.metrics.CategoricalAccuracy):
    """Raises at the begin of a pass over a part, counted over both stages: two in each epoch."""

    passes_left = math.inf
    error = Killed

    def reset_state(self):
        super().reset_state()
        Mortal.passes_left -= 1
        if Mortal.passes_left < 0:
            raise Mortal.error


@pytest.fixture
def mortal():
    yield Mortal
    Mortal.passes_left, Mortal.error = math.inf, Killed


def train_mortal(model, datasets, **options):
    return train(model, datasets, recipe=TWO, metrics=[Mortal(name="accuracy")], **options, **QUIET)


@pytest.fixture(scope="module")
def uninterrupted(squares):
    model = small(1)
    return train_mortal(model, squares), state_of(model)


def test_the_first_stage_equals_training_the_head_behind_a_frozen_backbone():
    """The same order of images, dropout, class weights and loss; of the features rounding alone."""
    images, labels = bright_squares(44)
    labels = np.where(np.arange(44) < 20, 0, labels)  # unbalanced
    plain = make_datasets((images, labels), image_size=(32, 32), batch_size=8, augment=False)
    moved = make_datasets((images, labels), image_size=(32, 32), batch_size=8)
    assert len(set(plain.class_weight.values())) > 1
    whole, staged = small(1), small(1)
    for layer in whole.layers[:5]:
        layer.trainable = False
    run = train(whole, plain, epochs=2, **QUIET)
    stand_still = {"optimizer": keras.optimizers.SGD(0.0), "epochs": 1, **QUIET}
    recipe = TrainingRecipe(name="two", epochs=1, head_epochs=2)
    normalization = staged.layers[0]
    normalization.trainable = False  # the second stage would change its statistics
    found = train(staged, moved, recipe=recipe, **stand_still)
    for one, other in zip(staged.weights, whole.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    np.testing.assert_allclose(found.head.history["loss"], run.history["loss"], atol=1e-4)
    np.testing.assert_allclose(found.head.history["val_loss"], run.history["val_loss"], atol=1e-4)
    assert found.head.history["accuracy"] == pytest.approx(run.history["accuracy"])
    assert not normalization.trainable


def test_what_a_run_tells_of_its_first_stage(films, tmp_path):
    model = lenet(1, films)
    model.layers[2].trainable = False
    flags = [layer.trainable for layer in model.layers]
    before = model.layers[2].get_weights()
    run = train(model, films, recipe=TWO, run_dir=tmp_path / "run", **QUIET)
    assert [layer.trainable for layer in model.layers] == flags
    np.testing.assert_array_equal(model.layers[2].get_weights()[0], before[0])
    head = run.head
    assert head.layers == tuple(layer.name for layer in model.layers if hasattr(layer, "units"))
    assert {len(values) for values in head.history.values()} == {3}
    assert set(head.history) == set(run.history)
    assert len(head.seconds_per_epoch) == 3
    assert head.feature_shape == (400,)
    assert head.feature_seconds > 0
    assert head.notes == (NOT_AUGMENTED,)
    assert (run.epochs_trained, len(run.history["loss"])) == (2, 2)
    assert run.summary.startswith("head alone: 3 epochs in ")
    read = load_run(tmp_path / "run")
    assert vars(read.head) == vars(head)
    once = {"recipe": TWO, "epochs": 1, **QUIET}
    again = train(lenet(1, films), films, **once)
    assert again.head.feature_seconds == 0  # read from the cache, though nothing is frozen here
    assert again.head.history == head.history


@pytest.mark.slow
def test_new_normalizations_are_told_and_mixed_precision_is_the_runs(squares, capsys):
    options = {"epochs": 1, "precision": "mixed_bfloat16", "verbose": 2}
    run = train(small(1), squares, recipe=TWO, **options)
    assert "never trained: batch_normalization" in run.head.notes[1]
    assert np.isfinite(run.head.history["loss"]).all()
    said = capsys.readouterr().err
    assert said.index("first stage: dense") < said.index("epoch 3/3") < said.index("second stage")


@pytest.mark.parametrize("passes", [3, pytest.param(9, marks=pytest.mark.slow)])
def test_killed_in_either_stage_it_ends_the_same(squares, tmp_path, mortal, uninterrupted, passes):
    """With dropout, augmentation and a normalization; features of arrays are computed anew."""
    run, state = uninterrupted
    mortal.passes_left = passes
    with pytest.raises(Killed):
        train_mortal(small(1), squares, run_dir=tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    assert ("head" in record) == (record["epochs_trained"] == 1) == (passes == 9)
    mortal.passes_left = math.inf
    resumed = small(2)
    again = train_mortal(resumed, squares, run_dir=tmp_path)
    assert again.history == run.history
    assert again.head.history == run.head.history
    assert_same_state(state_of(resumed), state)
    assert load_run(tmp_path).head.history == run.head.history


def test_an_interrupted_first_stage_says_how_to_go_on_and_is_no_others(squares, tmp_path, mortal):
    model = small(1)
    before = model.get_weights()
    mortal.passes_left, mortal.error = 3, KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt, match=r"No epoch was complete in .*goes on from there"):
        train_mortal(model, squares, run_dir=tmp_path)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    options = {"metrics": [Mortal(name="accuracy")], "run_dir": tmp_path, "epochs": 2, **QUIET}
    longer = dataclasses.replace(TWO, head_epochs=4)
    for other, words in ((longer, "head epochs: was 3, is 4"), ("study", "head: was .*, is None")):
        with pytest.raises(TrainingError, match=f"other settings .{words}"):
            train(small(1), squares, recipe=other, optimizer=TWO.new_optimizer(1), **options)


def test_a_loss_that_is_no_number_stops_the_first_stage(squares, tmp_path):
    recipe = TrainingRecipe(name="two", epochs=1, head_epochs=2, head_learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"loss became .*No epoch was complete in"):
        train(
            small(1, activation=None), squares, recipe=recipe, run_dir=tmp_path,
            loss="categorical_crossentropy", **QUIET,
        )  # fmt: skip


def test_models_without_a_head_are_refused_before_anything_is_written(squares, tmp_path):
    model = keras.Sequential([keras.Input((32, 32, 1)), layers.Conv2D(4, 3)])
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Softmax())
    with pytest.raises(InvalidArgumentError, match="cannot be trained in two stages"):
        train(model, squares, recipe="transfer", run_dir=tmp_path / "run", **QUIET)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"head_epochs": -1}, "head_epochs must be an integer from 0"),
        ({"head_epochs": 1.5}, "head_epochs must be an integer from 0"),
        ({"head_learning_rate": 0}, "head_learning_rate must be above 0"),
    ],
)
def test_recipes_that_cannot_work(wrong, words):
    with pytest.raises(InvalidArgumentError, match=words):
        TrainingRecipe(name="wrong", epochs=1, **wrong)


def test_the_recipe_transfer():
    recipe = RECIPES["transfer"]
    assert recipe.head_epochs > 0
    assert recipe.learning_rate < recipe.head_learning_rate
    vgg19 = options_for(MODELS["vgg19"].builder, recipe)
    assert vgg19 == {"preprocessing": "imagenet"}  # a new normalization would unsettle the features
