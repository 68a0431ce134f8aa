import math

import keras
import pytest

from keras_cxr.models import MODELS
from keras_cxr.training import RECIPES, TrainingRecipe, get_recipe, train
from keras_cxr.training.recipes import options_for
from tests.training.conftest import build_small

QUIET = {"verbose": 0}


def trained(squares, **options):
    keras.utils.set_random_seed(1)
    model = build_small()
    return model, train(model, squares, **QUIET, **options)


def test_the_studys_recipe_is_what_a_run_of_earlier_releases_was_started_with(tmp_path, squares):
    options = {"optimizer": "adam", "class_weight": "balanced", "recipe": "best"}
    loss = keras.losses.CategoricalCrossentropy()
    _, first = trained(squares, run_dir=tmp_path, epochs=1, loss=loss, **options)
    _, again = trained(squares, run_dir=tmp_path, epochs=1)  # refused, had it other settings
    assert again.history == first.history


@pytest.mark.parametrize("steps", [1, 2, 7, 24, 7656])
def test_the_rate_rises_for_its_share_of_the_steps_and_falls_to_nothing(steps):
    recipe = RECIPES["best"]
    schedule = recipe.new_optimizer(steps).get_config()["learning_rate"]["config"]
    rate = keras.optimizers.schedules.CosineDecay(**schedule)
    rising = max(1, round(recipe.warmup * steps))
    assert float(rate(rising)) == pytest.approx(recipe.learning_rate, rel=1e-5)
    assert float(rate(0)) == pytest.approx(recipe.learning_rate / 150, rel=1e-5)
    if steps > rising:
        assert float(rate(steps)) == pytest.approx(0, abs=1e-9)
        asked = range(
            0, steps, max(1, steps // 97)
        )  # Keras is asked step by step, which takes long
        assert all(float(rate(step)) <= recipe.learning_rate * 1.00001 for step in asked)


def test_best_reaches_the_model(squares):
    model, run = trained(squares, recipe="best", epochs=2)
    assert type(model.optimizer).__name__ == "AdamW"
    assert model.optimizer.weight_decay == RECIPES["best"].weight_decay
    assert model.loss.label_smoothing == RECIPES["best"].label_smoothing
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) < 1e-4  # fell
    assert run.epochs_trained == 2


def test_weights_by_the_square_root(tmp_path, squares):
    roots = {index: math.sqrt(weight) for index, weight in squares.class_weight.items()}
    _, by_name = trained(squares, epochs=1, class_weight="sqrt_balanced", run_dir=tmp_path)
    _, by_number = trained(squares, epochs=1, class_weight=roots, run_dir=tmp_path)
    assert by_name.history == by_number.history


def test_a_recipe_of_ones_own_and_arguments_that_go_before_it(squares):
    mine = TrainingRecipe(name="mine", epochs=1, learning_rate=0.5)
    model, run = trained(squares, recipe=mine, optimizer="sgd")
    assert run.epochs_trained == 1
    assert type(model.optimizer).__name__ == "SGD"


@pytest.mark.parametrize("wrong", ["Best", "", None, 3, ["study"]])
def test_unknown_recipes_are_refused(wrong):
    with pytest.raises(ValueError, match="recipe must be one of 'study', 'best'"):
        get_recipe(wrong)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_model_options_are_those_that_a_builder_takes(name):
    options = options_for(MODELS[name].builder, RECIPES["best"])
    assert options == ({"dropout": 0.2} if name in ("alexnet", "lmap3") else {})
