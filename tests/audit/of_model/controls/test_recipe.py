"""How a model was trained, to be trained so again."""

import json

import keras
import numpy as np
import pytest

from keras_cxr.audit.of_model.controls.recipe import recipe_of, recipe_of_run
from keras_cxr.audit.of_model.controls.train import train_controls
from keras_cxr.training import train


def test_recipe_is_the_runs_own(datasets, model, tmp_path):
    twin = keras.models.clone_model(model)
    train(
        twin,
        datasets,
        epochs=2,
        optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
        class_weight={0: 1.0, 1: 2.0, 2: 1.0, 3: 1.0},
        run_dir=tmp_path,
        verbose=0,
    )
    record = json.loads((tmp_path / "run.json").read_text())
    recipe = recipe_of_run(record, datasets, build=lambda: keras.models.clone_model(model))
    described = recipe.to_dict()
    optimizer = recipe.new_optimizer()
    assert recipe.to_dict() == described  # by which a control that is done is known
    assert type(optimizer).__name__ == "SGD"
    assert float(optimizer.learning_rate) == pytest.approx(0.05)
    assert optimizer.momentum == 0.9
    assert recipe.class_weight == {0: 1.0, 1: 2.0, 2: 1.0, 3: 1.0}
    assert (recipe.epochs, recipe.precision) == (2, record["precision"])
    # and a compiled model in memory tells of the same optimizer
    assert type(recipe_of(twin).new_optimizer()).__name__ == "SGD"


def test_a_first_stage_is_trained_again(datasets, model):
    settings = {"class_weight": None, "optimizer": {}, "head": {"epochs": 3, "learning_rate": 0.5}}
    record = {"settings": settings, "epochs_trained": 2, "precision": "float32"}
    recipe = recipe_of_run(record, datasets, build=lambda: keras.models.clone_model(model))
    assert (recipe.stages().head_epochs, recipe.stages().head_learning_rate) == (3, 0.5)
    assert recipe.to_dict()["head"] == settings["head"]
    assert recipe_of(model).stages().head_epochs == 0
    assert "head" not in recipe_of(model).to_dict()


def test_a_model_that_cannot_be_built_anew_needs_build(datasets):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(4, activation="softmax")

        def call(self, inputs):
            return self.head(keras.ops.mean(inputs, axis=(1, 2)))

    own = Own()
    own(np.zeros((1, 32, 32, 1)))
    with pytest.raises(ValueError, match="Pass build="):
        recipe_of(own).new_model(0)
    with pytest.raises(ValueError, match='"none", "quick" or "full", not \'fast\''):
        train_controls(datasets, recipe_of(own), mode="fast")
    with pytest.raises(ValueError, match="num_seeds must be at least 1, not 0"):
        train_controls(datasets, recipe_of(own), num_seeds=0)
