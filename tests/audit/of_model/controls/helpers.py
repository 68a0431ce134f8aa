"""Trains the controls of a small model."""

from keras_cxr.audit.of_model.controls.recipe import recipe_of
from keras_cxr.audit.of_model.controls.train import train_controls


def controls(datasets, model, folder=None, **options):
    said = []
    found = train_controls(
        datasets, recipe_of(model, epochs=1), folder=folder, say=said.append, verbose=0, **options
    )
    return found, said
