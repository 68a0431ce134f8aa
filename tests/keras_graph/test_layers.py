import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr import GradCAM, build_alexnet, build_lenet5, build_lmap3, build_vgg19
from keras_cxr.keras_graph.layers import default_site, list_sites, resolve_site
from tests.explain.models import Subclassed, body, dense, functional, sequential, tail


@pytest.fixture(scope="module")
def nested():
    backbone = functional(*body(), layers.GlobalAveragePooling2D(name="gap"), name="backbone")
    top = keras.Sequential([layers.Dense(4, name="hidden"), dense()], name="top")
    return functional(backbone, top, name="whole")


def test_the_default_is_the_deepest_map():
    lmap3 = build_lmap3()
    site = default_site(lmap3)
    assert site.operation is lmap3.layers[-8]
    assert isinstance(site.operation, layers.Conv2D)
    assert site.map_size == (10, 10)
    alexnet = default_site(build_alexnet())
    assert isinstance(alexnet.operation, layers.Activation)
    assert alexnet.map_size == (7, 7)
    assert default_site(build_vgg19(weights=None)).path == "vgg19/block5_conv4"
    assert default_site(keras.applications.ResNet50(weights=None)).path == "conv5_block3_out"
    assert isinstance(default_site(build_lenet5()).operation, layers.Conv2D)
    wrapped = keras.Sequential([keras.Input((224, 224, 1)), layers.Rescaling(1 / 255), lmap3])
    assert default_site(wrapped).path == f"lmap3/{site.path}"


def test_an_activation_of_its_own_is_taken_instead_of_the_convolution():
    front = [layers.Conv2D(3, 3, name="conv"), layers.BatchNormalization(), layers.ReLU(name="on")]
    assert default_site(sequential(front, tail(), dense())).path == "on"
    x = inputs = keras.Input((24, 24, 1))
    x = keras.ops.relu(front[0](x))
    x = layers.Flatten()(layers.ZeroPadding2D(2)(x))
    assert default_site(keras.Model(inputs, dense()(x))).name.startswith("relu")


class PooledConv(layers.Conv2D):
    """Its name speaks of pooling, its kernel of features."""


class OwnPool(layers.Layer):
    def call(self, x):
        return x[:, ::2, ::2]


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        ([layers.Conv2D(3, 3, name="conv"), layers.Conv2DTranspose(3, 3, name="up")], "up"),
        ([layers.Conv2DTranspose(3, 3, name="up")], "up"),
        ([layers.SeparableConv2D(3, 3, name="two")], "two"),
        ([layers.DepthwiseConv2D(3, name="deep"), layers.AveragePooling2D(2)], "deep"),
        ([layers.SpectralNormalization(layers.Conv2D(3, 3), name="wrapped")], "wrapped"),
        ([layers.Reshape((1, 24, 24, 1)), layers.ConvLSTM2D(3, 3, name="lstm")], "lstm"),
        ([PooledConv(3, 3, name="own")], "own"),
        ([layers.Conv2D(3, 3, name="conv"), OwnPool()], "conv"),
        ([layers.Conv2D(3, 3, name="conv"), lambda x: keras.ops.image.resize(x, (5, 5))], "conv"),
        (
            [layers.Conv2D(3, 3, name="conv"), lambda x: keras.ops.transpose(x, (0, 2, 1, 3))],
            "conv",
        ),
        ([layers.Conv2D(3, 3, name="conv"), layers.Permute((2, 1, 3))], "conv"),
    ],
)
def test_the_default_is_told_by_what_a_layer_is(steps, name):
    model = functional(*steps, layers.GlobalAveragePooling2D(), dense())
    assert default_site(model).path == name


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (
            [
                layers.Reshape((1, 24, 24, 1)),
                layers.TimeDistributed(layers.Conv2D(3, 3), name="each"),
                layers.GlobalAveragePooling3D(),
            ],
            r"'each' \(TimeDistributed\), gives \(batch, 1, 22, 22, 3\)",
        ),
        (
            [
                layers.Reshape((24, 24, 1, 1)),
                layers.Conv3D(3, (3, 3, 1), name="solid"),
                layers.GlobalAveragePooling3D(),
            ],
            r"'solid' \(Conv3D\), gives \(batch, 22, 22, 1, 3\)",
        ),
        (
            [layers.Conv2D(3, 24, name="whole"), layers.Flatten()],
            r"'whole' \(Conv2D\), gives \(batch, 1, 1, 3\)",
        ),
    ],
)
def test_convolutions_without_a_map_are_named(steps, words):
    with pytest.raises(ValueError, match=f"{words}. Saliency.*need no map"):
        GradCAM(functional(*steps, dense()))


def test_a_layer_inside_a_wrapper_names_the_wrapper():
    inner = layers.Conv2D(3, 3, name="inner")
    wrapped = layers.SpectralNormalization(inner, name="wrapped")
    model = functional(wrapped, layers.GlobalAveragePooling2D(), dense())
    with pytest.raises(ValueError, match=r"wrapper 'wrapped' .*choose 'wrapped'"):
        GradCAM(model, "inner")


def test_names_paths_and_layers_find_the_same(nested):
    convolution = nested.get_layer("backbone").get_layer("conv_a")
    for layer in ("conv_a", "backbone/conv_a", "/backbone/conv_a", "whole/conv_a", convolution):
        site = resolve_site(nested, layer)
        assert site.operation is convolution
        assert site.path == "backbone/conv_a"
        assert site.map_size == (22, 22)
    assert GradCAM(nested, convolution).layer == "backbone/conv_a"


def test_sites_are_listed_from_the_input_to_the_output(nested):
    assert [site.path for site in list_sites(nested)] == [
        "backbone/rescale", "backbone/conv_a", "backbone/pool_a", "backbone/conv_b",
        "backbone/gap", "backbone", "top/hidden", "top/predictions", "top",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            "conv_c",
            r"no layer 'conv_c'. Did you mean 'backbone/conv_[ab]' or 'backbone/conv_[ab]'\?",
        ),
        ("backbone/convb", "Did you mean 'backbone/conv_b'"),
        ("predictoins", "Did you mean 'top/predictions'"),
        ("xyz", "It has 'backbone/rescale', 'backbone/conv_a'"),
        ("", "no layer ''"),
        ("gap", r"'backbone/gap' gives \(batch, 6\).*such as 'backbone/conv_b'"),
        ("predictions", r"gives \(batch, 3\), which is no map"),
        (7, "layer 7 is not part of model 'whole'"),
        (layers.Conv2D(1, 1, name="stranger"), "'stranger' is not part of model 'whole'"),
    ],
)
def test_a_wrong_layer_raises_in_the_constructor(nested, layer, message):
    with pytest.raises(ValueError, match=message):
        GradCAM(nested, layer)


def test_an_ambiguous_name_asks_for_a_path():
    first = functional(layers.Conv2D(2, 3, name="conv"), name="first")
    second = functional(layers.Conv2D(2, 3, name="conv"), shape=(22, 22, 2), name="second")
    model = functional(first, second, layers.Flatten(), dense(), name="pair")
    with pytest.raises(ValueError, match=r"ambiguous in model 'pair'.*'first/conv', 'second/conv'"):
        GradCAM(model, "conv")
    assert GradCAM(model, "first/conv").layer == "first/conv"


def test_of_a_shared_layer_the_last_call_is_explained():
    shared = layers.Conv2D(1, 3, padding="same", name="shared", activation="relu")
    inputs = keras.Input((12, 12, 1))
    x = layers.GlobalAveragePooling2D()(shared(shared(inputs)))
    model = keras.Model(inputs, dense()(x))
    pictures = np.random.default_rng(0).uniform(0, 9, (2, 12, 12, 1)).astype("float32")
    found = GradCAM(model, "shared").explain(pictures, 0).raw_map
    expected = shared(shared(pictures))[..., 0] * model.layers[-1].kernel[0, 0] / 144
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_models_without_a_map():
    flat = functional(layers.Rescaling(2), layers.BatchNormalization(), layers.Flatten(), dense())
    with pytest.raises(ValueError, match="'graph' has no layer whose output is a map"):
        GradCAM(flat)
    with pytest.raises(ValueError, match=r"is no map.*four dimensions\.$"):
        GradCAM(flat, "predictions")


def test_a_subclassed_models_layers_are_met_in_the_order_of_its_code():
    model = Subclassed(name="own")
    model(np.zeros((1, 24, 24, 1), "float32"))
    assert [site.path for site in list_sites(model)] == [
        "rescale", "conv_a", "pool_a", "conv_b", "pool_b", "dropout", "flatten", "predictions",
    ]  # fmt: skip
    site = default_site(model)
    assert (site.path, site.map_size) == ("conv_b", (10, 10))
    with pytest.raises(ValueError, match=r"'pool_b/x'. Did you mean|no layer 'pool_b/x'"):
        resolve_site(model, "pool_b/x")


class Backwards(keras.Model):
    """Calls its layers in another order than it holds them, one twice, one never."""

    def __init__(self):
        super().__init__()
        self.idle = layers.Conv2D(9, 1, name="idle")
        self.idle.build((None, None, None, 4))
        self.head = dense()
        self.twice = layers.Conv2D(4, 3, padding="same", name="twice")
        self.core = keras.Sequential([layers.Conv2D(4, 3, name="inner")], name="core")

    def call(self, x):
        x = self.twice(self.twice(self.core(x)))
        return self.head(keras.ops.mean(x, (1, 2)))


@pytest.mark.parametrize("shape", [(1, 24, 24, 4), (None, None, None, 4)])
def test_the_default_of_a_subclassed_model_is_its_last_call(shape):
    model = Backwards()
    model(np.zeros([side or 24 for side in shape], "float32"))
    if shape[0] is None:  # as a part of a graph that takes any size
        inputs = keras.Input(shape[1:])
        model = keras.Model(inputs, model(inputs))
    paths = [
        site.path.rsplit("backwards", 1)[-1].lstrip("_0123456789/") for site in list_sites(model)
    ]
    assert paths[:6] == ["idle", "core", "core/inner", "twice", "twice", "predictions"] or paths[
        :6
    ] == ["idle", "core/inner", "core", "twice", "twice", "predictions"]
    site = default_site(model)
    assert site.name == "twice"
    assert site.map_size == ((22, 22) if shape[0] else (None, None))


class Unfollowable(Subclassed):
    def call(self, x, training=None):
        return super().call(x * float(keras.ops.convert_to_numpy(x).max() >= 0))


def test_code_that_cannot_be_followed_asks_for_a_layer():
    model = Unfollowable(name="own")
    model(np.zeros((1, 24, 24, 1), "float32"))
    with pytest.raises(ValueError, match=r"'own' is subclassed.*layer= one of 'rescale', 'conv_a'"):
        GradCAM(model)


def test_the_parts_of_keras_own_layers_are_no_maps():
    inputs = keras.Input((16, 8))
    attention = layers.MultiHeadAttention(2, 4)(inputs, inputs)
    model = keras.Model(inputs, dense()(layers.Flatten()(attention)))
    assert [site.map_size for site in list_sites(model)] == [None, None, None]


def test_long_lists_are_cut():
    model = keras.applications.MobileNetV2(weights=None)
    with pytest.raises(ValueError, match=r"It has 'Conv1', 'bn_Conv1'.*….*'predictions'"):
        GradCAM(model, "zzzz")


@pytest.mark.parametrize(
    ("builder", "path"),
    [
        ("MobileNetV3Small", "activation_17"),
        pytest.param("DenseNet121", "relu", marks=pytest.mark.slow),
        pytest.param("EfficientNetV2B0", "top_activation", marks=pytest.mark.slow),
    ],
)
def test_keras_applications(builder, path):
    keras.utils.clear_session()
    model = getattr(keras.applications, builder)(weights=None, input_shape=(96, 96, 3))
    explain = GradCAM(model)
    assert explain.layer == path
    heat = explain(np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)))
    assert np.isfinite(heat).all()
