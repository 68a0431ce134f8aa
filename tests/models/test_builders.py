"""What single builders promise beyond the common contract."""

from functools import partial

import keras
import numpy as np
import pytest

from keras_cxr import build_alexnet, build_lenet5, build_lmap3, build_vgg19
from keras_cxr.models.alexnet import smallest_size


def test_lenet5_has_the_papers_parameters_at_32_pixels():
    assert build_lenet5((32, 32, 1), 10).count_params() == 61_706


@pytest.mark.parametrize(("subsampling", "kind"), [("max", "Max"), ("average", "Average")])
def test_lenet5_subsampling(subsampling, kind):
    kinds = [type(layer).__name__ for layer in build_lenet5(subsampling=subsampling).layers]
    assert kinds.count(f"{kind}Pooling2D") == 2


def test_lenet5_unknown_subsampling():
    with pytest.raises(ValueError, match="subsampling must be 'average' or 'max', not 'min'"):
        build_lenet5(subsampling="min")


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_lenet5_says_what_its_pooling_is_called_now(pooling):
    with pytest.raises(ValueError, match="subsampling='average' or 'max'"):
        build_lenet5(pooling=pooling)


@pytest.mark.parametrize(
    ("builder", "shape", "last", "maps"),
    [
        (build_alexnet, (224, 224, 1), "conv_5_activation", (1, 1, 256)),
        (partial(build_alexnet, strides=(4, 1, 1, 1, 1)), (227, 227, 3), None, (13, 13, 256)),
        (build_lenet5, (32, 32, 1), "pool_2", (5, 5, 16)),
        (build_lmap3, (224, 224, 1), "pool_5", (5, 5, 64)),
        (partial(build_vgg19, weights=None), (224, 160, 3), "vgg19", (7, 5, 512)),
    ],
)
def test_what_is_left_without_the_top(builder, shape, last, maps):
    features = partial(builder, shape, include_top=False)
    model = features()
    assert model.output_shape == (None, *maps)
    assert last in (None, model.layers[-1].name)
    for pooling in ("avg", "max"):
        assert features(pooling=pooling).output_shape == (None, maps[-1])


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


@pytest.mark.parametrize("builder", [build_alexnet, build_lenet5, build_lmap3])
def test_convolutions_have_names_to_ask_for(builder):
    for _ in range(2):  # whatever was built before
        model = builder()
        names = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
        assert names == [f"conv_{number}" for number in range(1, len(names) + 1)]
