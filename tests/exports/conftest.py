import importlib.util

import keras
import numpy as np
import pytest

from keras_cxr import build_lenet5
from keras_cxr.exports.formats import FORMATS

NAMES = ("COVID", "=1+1", 'two\nlines, "quoted"', "Lungenentzündung 肺")


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


def spread(model, seed=0):
    """The model with a last layer whose answers differ from picture to picture."""
    draw = np.random.default_rng(seed)
    layer = model.layers[-1]
    layer.kernel.assign(8 * np.asarray(layer.kernel))
    layer.bias.assign(draw.normal(0, 0.5, layer.bias.shape))
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
