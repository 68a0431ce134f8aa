"""One set of trained controls for all tests of this room; see `pytestmark` there."""

import keras
import numpy as np
import pytest

from tests.audit.of_model.controls.helpers import controls


@pytest.fixture(scope="session")
def model():
    """The smallest model that learns something, so that seven trainings take seconds."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.AveragePooling2D(8),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )


@pytest.fixture(scope="session")
def trained(datasets, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("controls")
    before = [weight.copy() for weight in model.get_weights()]
    found, said = controls(datasets, model, folder, num_seeds=2)
    for kept, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, now)  # the finished model stays as it is
    return folder, found, said
