"""What holds for every network of the registry that may begin from pretrained weights.

Each is the network of its name in `keras.applications` behind its preprocessing, and is held
against that one.
"""

import importlib
from functools import partial
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.models import MODELS
from keras_cxr.models.pretrained import keras_models_folder
from tests.models.test_zoo import NAMES, outputs

PRETRAINED = [name for name in NAMES if MODELS[name].takes_weights]
# DenseNet in grey takes five seconds: its layers are those of DenseNet in colour
CASES = [
    pytest.param(name, count, marks=pytest.mark.slow if (name, count) == ("densenet121", 1) else ())
    for name in PRETRAINED
    for count in (1, 3)
]


def application(name):
    """The constructor of the network in `keras.applications`."""
    there = vars(keras.applications).items()
    (found,) = (one for key, one in there if key.lower() == name and callable(one))
    return found


def builder_of(name):
    """The builder, and its choice of the preprocessing that the weights expect where it has one."""
    build = MODELS[name].builder
    has_choice = "preprocessing" in build.__annotations__

    def call(*args, **kwargs):
        return build(*args, **({"preprocessing": "imagenet"} if has_choice else {}), **kwargs)

    return call


def in_colour(batch):
    return np.repeat(batch, 3 // batch.shape[-1], axis=-1)


def random_images(channels, size=64):
    shape = (2, size, size, channels)
    return np.random.default_rng(0).uniform(0, 255, shape).astype("float32")


def reseeded(model):
    """Give each weight another value, also those of normalizations, which begin as 0 and 1.

    Kernels are drawn as He et al. 2015 do, so that values neither grow nor die out on their way.
    """
    random = np.random.default_rng(1)

    def drawn(weight):
        if weight.ndim == 1:
            return weight * random.uniform(0.5, 1.5, weight.shape) + random.normal(0, 0.05)
        return random.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape)

    model.set_weights([drawn(weight) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize(("name", "channels"), CASES)
def test_features_equal_those_of_keras(name, channels):
    theirs = application(name)(
        include_top=False, weights=None, pooling="avg", input_shape=(64, 64, 3)
    )
    reseeded(theirs)
    ours = builder_of(name)((64, 64, channels), weights=None, include_top=False, pooling="avg")
    assert ours.count_params() == theirs.count_params()
    ours.set_weights(theirs.get_weights())
    batch = random_images(channels)
    family = importlib.import_module(application(name).__module__)
    expected = outputs(theirs, family.preprocess_input(in_colour(batch).copy()))
    scale = np.abs(expected).max()
    assert 0.01 < scale < 1000  # else rounding, or what is infinite, could hide a difference
    unprepared = outputs(theirs, in_colour(batch))
    assert np.abs(unprepared - expected).max() > 0.1 * scale
    np.testing.assert_allclose(outputs(ours, batch), expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize(("name", "channels"), CASES)
def test_preprocessing_equals_kerass(name, channels):
    model = builder_of(name)((32, 32, channels), weights=None)
    batch = random_images(channels, 32)
    family = importlib.import_module(application(name).__module__)
    expected = family.preprocess_input(in_colour(batch).copy())
    front = model.get_layer("imagenet_preprocessing")
    np.testing.assert_allclose(outputs(front, batch), expected, atol=1e-4)


@pytest.mark.parametrize("name", PRETRAINED)
def test_frozen_backbone_leaves_the_head_trainable(name):
    model = MODELS[name].builder((32, 32, 3), weights=None, trainable=False)
    assert not model.get_layer(name).trainable_variables
    paths = [variable.path.split("/")[-2] for variable in model.trainable_variables]
    assert paths.count("predictions") == 2


@pytest.fixture
def _channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@pytest.mark.usefixtures("_channels_first")
@pytest.mark.parametrize("name", PRETRAINED)
def test_channels_first_are_taken_or_refused_at_the_door(name):
    build = partial(MODELS[name].builder, (3, 32, 32), weights=None)
    try:
        application(name)(include_top=False, weights=None, input_shape=(3, 32, 32))
    except ValueError:  # not by Keras either
        with pytest.raises(InvalidArgumentError, match=rf'build_{name}: .*"channels_last"'):
            build()
    else:
        assert build().input_shape == (None, 3, 32, 32)


def save_as_downloaded(model, path):
    """Write weights in the layout of the ImageNet files that Keras downloads, of Keras 1."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_{number}" for number, _ in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.get_weights(), strict=True):
                group[name] = weight


SAVE = {"backbone.weights.h5": keras.Model.save_weights, "notop.h5": save_as_downloaded}
# layouts do not depend on the network, and DenseNet's layers take six seconds
FILES = [(name, "backbone.weights.h5") for name in PRETRAINED] + [("vgg19", "notop.h5")]


@pytest.mark.parametrize(("name", "file"), FILES)
def test_weights_from_a_file(name, file, tmp_path):
    source = application(name)(
        include_top=False, weights=None, pooling="avg", input_shape=(32, 32, 3)
    )
    path = tmp_path / file
    SAVE[file](reseeded(source), path)
    backbone = builder_of(name)((32, 32, 3), weights=path).get_layer(name)
    for ours, theirs in zip(backbone.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", PRETRAINED)
def test_missing_weights_file(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.h5 does not exist.*weights=None"):
        builder_of(name)(weights=tmp_path / "absent.h5")


@pytest.mark.parametrize("name", PRETRAINED)
def test_file_that_holds_no_weights(name, tmp_path):
    path = tmp_path / "text.weights.h5"
    path.write_text("not weights")
    with pytest.raises(OSError, match=rf"text\.weights\.h5 does not fit {name}"):
        builder_of(name)((32, 32, 3), weights=path)


@pytest.mark.parametrize("name", PRETRAINED)
def test_without_network_it_says_where_the_file_goes(name, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for proxy in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    # keras reads KERAS_HOME when it is imported; its own cache may hold the file already
    if (keras_models_folder().parent != tmp_path) or _keras_has_the_weights(name):
        pytest.skip("the ImageNet weights lie in Keras' cache, nothing needs a download")
    with pytest.raises(OSError, match=rf"could not be downloaded.*Put the file {name}.*=None"):
        builder_of(name)((32, 32, 3))


@pytest.mark.parametrize("name", PRETRAINED)
def test_offline_nothing_is_downloaded(name, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_CXR_OFFLINE", "1")
    with pytest.raises(OSError, match=rf"weights of {name} are not at .*KERAS_CXR_OFFLINE or HF_"):
        builder_of(name)((32, 32, 3))


def _keras_has_the_weights(name):
    file = importlib.import_module(MODELS[name].builder.__module__).WEIGHTS_FILE
    return (Path.home() / ".keras" / "models" / file).exists()
