"""Cells of a map are drawn where they look."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from keras_cxr import GradCAM, build_alexnet, build_lmap3, build_vgg19
from keras_cxr.explain.engine.maps import upsample
from keras_cxr.keras_graph.layers import resolve_site
from keras_cxr.keras_graph.placement import Axis, receptive_fields, stretched

windows = st.tuples(
    st.sampled_from(["conv", "depthwise", "separable", "average"]),
    st.integers(1, 4),  # size
    st.integers(1, 3),  # stride
    st.integers(1, 2),  # dilation
    st.sampled_from(["same", "valid"]),
)
pads = st.tuples(st.sampled_from(["pad", "crop"]), st.integers(0, 3), st.integers(0, 3))


def fields(model, layer, size):
    return receptive_fields(model, resolve_site(model, layer), size)


def layer(kind, *options):
    if kind in ("pad", "crop"):
        edges = ((0, 0), options)  # columns alone: the axes must not be mixed up
        return layers.ZeroPadding2D(edges) if kind == "pad" else layers.Cropping2D(edges)
    size, stride, dilation, padding = options
    if kind == "average":
        return layers.AveragePooling2D((1, size), (1, stride), padding)
    ones = {"padding": padding, "use_bias": False}
    if stride == 1:
        ones["dilation_rate"] = (1, dilation)
    if kind == "conv":
        return layers.Conv2D(1, (1, size), (1, stride), kernel_initializer="ones", **ones)
    if kind == "depthwise":
        ones["depthwise_initializer"] = "ones"
        return layers.DepthwiseConv2D((1, size), (1, stride), **ones)
    ones |= {"depthwise_initializer": "ones", "pointwise_initializer": "ones"}
    # TensorFlow has no depthwise convolution whose strides differ
    return layers.SeparableConv2D(1, (1, size), 1, **ones)


@settings(max_examples=40, deadline=None)
@given(st.lists(windows | pads, min_size=1, max_size=4))
def test_cells_look_where_the_axes_say(steps):
    width = 60
    model = keras.Sequential([keras.Input((1, width, 1))])
    for step in steps:
        if step[0] == "depthwise":
            step = ("depthwise", step[1], 1, *step[3:])
        model.add(layer(*step))
    last = model.layers[-1].name
    rows, columns = fields(model, last, (1, width))
    assert (rows, columns.count) == (Axis(0, 1, 1), model.output_shape[2])
    # all these layers are linear: what one bright pixel gives is what the cells see of it
    pixels = np.eye(width, dtype=np.float32).reshape(width, 1, width, 1)
    seen = np.asarray(model(pixels)).reshape(width, columns.count).T != 0
    # no part of the field lies outside the image
    whole = (seen.sum(1) == seen.sum(1).max()) & ~seen[:, 0] & ~seen[:, -1]
    for cell in np.flatnonzero(whole):
        pixels = np.flatnonzero(seen[cell])
        middle = (pixels[0] + pixels[-1]) / 2
        assert columns.first + columns.step * cell == pytest.approx(middle)


def test_maximum_pooling_and_repeating():
    model = keras.Sequential(
        [keras.Input((13, 16, 1)), layers.MaxPooling2D(3, 2), layers.UpSampling2D(2)]
    )
    rows, columns = fields(model, model.layers[-1].name, (13, 16))
    # cells at 1, 3, 5, …, each divided into two
    assert rows == Axis(0.5, 1, 12)
    assert columns == Axis(0.5, 1, 14)


def test_the_studys_models():
    places = fields(build_lmap3(), "conv_5", (224, 224))
    assert places == (Axis(38.5, 16, 10),) * 2
    vgg19 = build_vgg19(weights=None)
    places = fields(vgg19, "vgg19/block5_conv4", (224, 224))
    assert places == stretched((14, 14), (224, 224))  # which pads: nothing is moved
    places = receptive_fields(
        alexnet := build_alexnet(), resolve_site(alexnet, "conv_2"), (224, 224)
    )
    assert places == (Axis(14, 32, 7),) * 2


def test_residual_networks_meet_in_the_same_places():
    model = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(224, 224, 3))
    assert fields(model, "conv5_block3_out", (224, 224)) == (Axis(0, 32, 7),) * 2


def test_branches_that_see_other_places_meet_in_the_middle():
    image = keras.Input((8, 8, 1))
    left = layers.Cropping2D(((0, 2), (0, 2)))(image)
    right = layers.Cropping2D(((2, 0), (2, 0)))(image)
    model = keras.Model(image, layers.Add(name="sum")([left, right]))
    assert fields(model, "sum", (8, 8)) == (Axis(1, 1, 6),) * 2


@settings(max_examples=30)
@given(st.integers(1, 9), st.integers(1, 60))
def test_without_padding_at_stake_both_placements_are_one(count, pixels):
    maps = np.random.default_rng(count).random((2, count, count), np.float32)
    axes = stretched((count, count), (pixels, pixels))
    np.testing.assert_array_equal(
        upsample(maps, (pixels, pixels)), upsample(maps, (pixels, pixels), axes)
    )


def test_maps_fade_outside_the_outermost_cells():
    one = np.ones((1, 1, 2), np.float32)
    axes = Axis(0, 1, 1), Axis(6, 4, 2)
    expected = [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    np.testing.assert_allclose(upsample(one, (1, 17), axes)[0, 0], expected)


@pytest.mark.parametrize("spot", [(34, 34), (34, 93), (60, 77), (93, 50)])
def test_heat_lies_on_the_spot_that_caused_it(spot):
    model = keras.Sequential([keras.Input((128, 128, 1))])
    for _ in range(4):
        model.add(layers.Conv2D(1, 3, kernel_initializer="ones"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Conv2D(1, 1, kernel_initializer="ones", name="last"))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(2, kernel_initializer="ones"))
    image = np.zeros((1, 128, 128, 1), np.float32)
    image[0, spot[0] - 3 : spot[0] + 4, spot[1] - 3 : spot[1] + 4] = 1

    def distance(placement):
        heat = GradCAM(model, "last", placement=placement)(image)[0]
        middle = [(heat.sum(1 - axis) * np.arange(128)).sum() / heat.sum() for axis in (0, 1)]
        return np.abs(np.subtract(middle, spot)).max()

    assert distance("receptive_field") < 4
    assert distance("receptive_field") < distance("stretch")


def test_any_image_size_when_the_model_takes_it():
    model = keras.Sequential([
        keras.Input((None, None, 1)), layers.Conv2D(2, 3), layers.MaxPooling2D(2),
        layers.Conv2D(2, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(3),
    ])  # fmt: skip
    gradcam = GradCAM(model, placement="receptive_field")
    for size in ((20, 30), (31, 22)):
        assert gradcam(np.random.default_rng(0).random((1, *size))).shape == (1, *size)


class Secret(layers.Layer):
    def call(self, inputs):
        return inputs[:, ::-1]


def test_operations_that_are_not_known_are_named():
    model = keras.Sequential([
        keras.Input((16, 16, 1)), Secret(name="secret"), layers.Conv2D(2, 3, name="conv"),
        layers.GlobalAveragePooling2D(), layers.Dense(2),
    ])  # fmt: skip
    with pytest.raises(ValueError, match=r"'secret' \(Secret\): pass placement=\"stretch\""):
        GradCAM(model, placement="receptive_field")
    assert GradCAM(model)(np.ones((1, 16, 16, 1))).shape == (1, 16, 16)


class Hidden(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(2, 3, name="conv")
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(keras.ops.mean(self.conv(inputs), (1, 2)))


def test_subclassed_models_have_no_graph_to_read():
    model = Hidden()
    pictures = np.ones((1, 16, 16, 1), np.float32)
    model(pictures)
    gradcam = GradCAM(model, "conv", placement="receptive_field")
    with pytest.raises(ValueError, match=r"'conv' look cannot be read .* placement=\"stretch\""):
        gradcam(pictures)


def test_placements_have_names():
    with pytest.raises(ValueError, match="placement must be one of stretch, receptive_field"):
        GradCAM(build_lmap3(), placement="centre")
