"""What single builders promise beyond the common contract."""

import keras
import numpy as np
import pytest

from keras_cxr import build_alexnet, build_lenet5, build_lmap3, build_vgg19
from keras_cxr.models.alexnet import smallest_size
from keras_cxr.models.weights import keras_models_folder


def test_lenet5_has_the_papers_parameters_at_32_pixels():
    assert build_lenet5((32, 32, 1), 10).count_params() == 61_706


@pytest.mark.parametrize(("pooling", "kind"), [("max", "Max"), ("average", "Average")])
def test_lenet5_pooling(pooling, kind):
    kinds = [type(layer).__name__ for layer in build_lenet5(pooling=pooling).layers]
    assert kinds.count(f"{kind}Pooling2D") == 2


def test_lenet5_unknown_pooling():
    with pytest.raises(ValueError, match="pooling must be 'average' or 'max', not 'min'"):
        build_lenet5(pooling="min")


@pytest.mark.parametrize("builder", [build_alexnet, build_lmap3])
def test_dropout_rate_reaches_both_layers(builder):
    rates = [layer.rate for layer in builder(dropout=0.25).layers if hasattr(layer, "rate")]
    assert rates == [0.25, 0.25]


def test_alexnet_smaller_last_strides_give_the_same_table():
    default, smaller = build_alexnet(), build_alexnet(strides=(4, 4, 4, 1, 1))
    assert [layer.output.shape for layer in default.layers] == [
        layer.output.shape for layer in smaller.layers
    ]
    assert default.count_params() == smaller.count_params()


def test_alexnet_strides_set_the_smallest_size():
    assert smallest_size((2, 1, 1, 1, 1)) < smallest_size() == 73
    with pytest.raises(ValueError, match="strides must be 5 numbers"):
        build_alexnet(strides=(4, 4, 4))


def test_vgg19_has_a_count_of_its_own_with_imagenet_preprocessing():
    for channels in (1, 3):
        model = build_vgg19((64, 64, channels), weights=None, preprocessing="imagenet")
        assert model.count_params() == 20_026_436


@pytest.mark.parametrize("channels", [1, 3])
def test_vgg19_imagenet_preprocessing_equals_kerass(channels):
    model = build_vgg19((32, 32, channels), weights=None, preprocessing="imagenet")
    batch = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, channels)).astype("float32")
    rgb = np.repeat(batch, 3 // channels, axis=-1)
    expected = keras.applications.vgg19.preprocess_input(rgb.copy())
    front = model.get_layer("imagenet_preprocessing")
    np.testing.assert_allclose(front.predict(batch, verbose=0), expected, atol=1e-4)


def test_vgg19_grey_needs_colour_or_the_other_preprocessing():
    with pytest.raises(ValueError, match=r'color_mode="rgb".*preprocessing="imagenet"'):
        build_vgg19((224, 224, 1), weights=None)


def test_vgg19_unknown_preprocessing():
    with pytest.raises(ValueError, match=r"preprocessing must be .* not 'none'"):
        build_vgg19(weights=None, preprocessing="none")


def test_vgg19_frozen_backbone_leaves_the_head_trainable():
    model = build_vgg19((32, 32, 3), weights=None, trainable=False)
    assert not model.get_layer("vgg19").trainable_variables
    paths = [variable.path.split("/")[-2] for variable in model.trainable_variables]
    assert paths.count("predictions") == 2


def test_vgg19_weights_from_a_file(tmp_path):
    source = keras.applications.VGG19(
        include_top=False, weights=None, pooling="avg", input_shape=(32, 32, 3)
    )
    path = tmp_path / "backbone.weights.h5"
    source.save_weights(path)
    backbone = build_vgg19((32, 32, 3), weights=path).get_layer("vgg19")
    for ours, theirs in zip(backbone.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_vgg19_missing_weights_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.h5 does not exist.*weights=None"):
        build_vgg19(weights=tmp_path / "absent.h5")


def test_vgg19_file_that_holds_no_weights(tmp_path):
    path = tmp_path / "text.weights.h5"
    path.write_text("not weights")
    with pytest.raises(OSError, match=r"text\.weights\.h5 does not fit vgg19"):
        build_vgg19((32, 32, 3), weights=path)


def test_vgg19_without_network_says_where_the_file_goes(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for proxy in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    # keras reads KERAS_HOME when it is imported; its own cache may hold the file already
    if (keras_models_folder().parent != tmp_path) or _keras_has_the_weights():
        pytest.skip("the ImageNet weights lie in Keras' cache, nothing needs a download")
    with pytest.raises(OSError, match=r"could not be downloaded.*Put the file.*weights=None"):
        build_vgg19((32, 32, 3))


def _keras_has_the_weights():
    from pathlib import Path

    name = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return (Path.home() / ".keras" / "models" / name).exists()


@pytest.mark.parametrize("builder", [build_alexnet, build_lenet5, build_lmap3])
def test_convolutions_have_names_to_ask_for(builder):
    for _ in range(2):  # whatever was built before
        model = builder()
        names = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
        assert names == [f"conv_{number}" for number in range(1, len(names) + 1)]
