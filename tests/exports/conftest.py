import importlib.util

import keras
import numpy as np
import pytest

from keras_cxr import build_lenet5
from keras_cxr.phantoms.fitted import draw_pictures
from keras_cxr.runtimes.formats import FORMATS

NAMES = ("COVID", "=1+1", 'two\nlines, "quoted"', "Lungenentzündung 肺")

MOST = 50.0  # more would show the rounding of float32


def runnable(name):
    """The format's name, skipped with a reason where its packages are not installed."""
    missing = [
        package
        for module, package in FORMATS[name].packages.items()
        if importlib.util.find_spec(module) is None
    ]
    reason = f"{', '.join(missing)} not installed: pip install '.[export]'"
    return pytest.param(name, marks=pytest.mark.skipif(bool(missing), reason=reason))


EVERY_FORMAT = [runnable(name) for name in FORMATS]


def spread(model):
    """The model with its last layer scaled so that answers differ from picture to picture.

    New weights answer alike for all pictures, as a broken copy might.
    """
    pictures = draw_pictures(model.input_shape[1:3], model.input_shape[-1])
    scores = np.asarray(model(pictures.astype(np.float32)), np.float64)
    if np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        scores = np.log(scores)
    scores -= scores.mean(axis=1, keepdims=True)
    factor = min(1 / scores.std(axis=0).mean(), MOST)
    layer = model.layers[-1]
    layer.kernel.assign(factor * np.asarray(layer.kernel))
    layer.bias.assign(factor * (np.asarray(layer.bias) - scores.mean(axis=0)))
    return model


@pytest.fixture(scope="package")
def lenet():
    keras.utils.set_random_seed(3)
    return spread(build_lenet5((32, 32, 1), 4))


@pytest.fixture(scope="package")
def exported(lenet, tmp_path_factory):
    """An export of LeNet-5 in the format that needs nothing but Keras; only to be read."""
    from keras_cxr import export

    folder = tmp_path_factory.mktemp("exports") / "lenet"
    return export(lenet, folder, format="keras", class_names=NAMES)
