"""Training that can be killed at any moment and goes on exactly where it was."""

from keras_cxr.training.recipes import RECIPES, TrainingRecipe, get_recipe
from keras_cxr.training.run import HeadStage, TrainingRun, load_run
from keras_cxr.training.trainer import train

__all__ = [
    "RECIPES",
    "HeadStage",
    "TrainingRecipe",
    "TrainingRun",
    "get_recipe",
    "load_run",
    "train",
]
