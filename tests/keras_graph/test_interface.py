import keras
import pytest
from keras import layers

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.keras_graph.interface import check_model_fits
from keras_cxr.models import build_lmap3, build_vgg19


def test_what_fits():
    check_model_fits(build_vgg19((32, 32, 3), weights=None), (32, 32, 3), 4)
    images = keras.Input((None, None, 1))
    anything = keras.Model(images, layers.Dense(2)(layers.GlobalAveragePooling2D()(images)))
    check_model_fits(anything, (17, 40, 1), 2)


@pytest.mark.parametrize(
    ("shape", "classes", "words"),
    [
        ((94, 94, 3), 4, r'takes 1 channels, the images have 3: .*color_mode="grayscale"'),
        ((100, 80, 1), 4, r"94 x 94 pixels .* have 100 x 80: .*image_size=\(94, 94\)"),
        ((94, 94, 1), 3, r"the labels have 3 classes: build the model with num_classes=3"),
        ((94, 94), 4, r"shape \(94, 94, 1\), the images have shape \(94, 94\)"),
    ],
)
def test_what_does_not_fit_names_the_remedy(shape, classes, words):
    with pytest.raises(InvalidArgumentError, match=words):
        check_model_fits(build_lmap3((94, 94, 1)), shape, classes)


def test_channels_without_a_colour_mode():
    images = keras.Input((8, 8, 5))
    model = keras.Model(images, layers.Dense(2)(layers.Flatten()(images)))
    with pytest.raises(InvalidArgumentError, match=r"have 1: build the model with input_shape"):
        check_model_fits(model, (8, 8, 1), 2)


def test_models_with_several_outputs_and_maps_are_refused():
    images = keras.Input((8, 8, 1))
    scores = layers.Dense(2)(layers.Flatten()(images))
    with pytest.raises(InvalidArgumentError, match="has 2 outputs: use a model with one"):
        check_model_fits(keras.Model(images, [scores, scores]), (8, 8, 1), 2)
    with pytest.raises(InvalidArgumentError, match=r"outputs of shape \(8, 8, 2\)"):
        check_model_fits(keras.Model(images, layers.Conv2D(2, 1)(images)), (8, 8, 1), 2)
