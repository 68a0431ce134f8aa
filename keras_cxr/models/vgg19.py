"""VGG19 with ImageNet weights, in the study's recipe and in the one the weights expect."""

import os

import keras
from keras import layers

from keras_cxr.models.arguments import check_arguments, check_choice
from keras_cxr.models.weights import load_backbone

SMALLEST_SIZE = 32
# ImageNet's mean blue, green and red in [0, 255], as keras.applications subtracts them
IMAGENET_MEANS_BGR = (103.939, 116.779, 123.68)
CHANNELS = {"batch_normalization": (3,), "imagenet": (1, 3)}
PREPROCESSING = tuple(CHANNELS)


def build_vgg19(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 4,
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    trainable: bool = True,
    preprocessing: str = "batch_normalization",
    classifier_activation: str | None = "softmax",
    name: str | None = None,
) -> keras.Model:
    """VGG19 of the study: 20,026,448 parameters at 224 x 224 x 3 with 4 classes, uncompiled.

    A batch normalization, the VGG19 of `keras.applications` (Simonyan & Zisserman 2015)
    without its top and averaged over the last maps, and one dense layer.

    The study's batch normalization hands the filters values of about 2, where the ImageNet
    weights were trained on values of about 128. `preprocessing="imagenet"` gives them what they
    were trained on and has 20,026,436 parameters.

    Args:
        input_shape: `(height, width, channels)`, at least 32 x 32 pixels; float32 in [0, 255].
            3 channels; with `preprocessing="imagenet"` also 1, repeated to three in the model.
        num_classes: number of classes, at least 1.
        weights: of the backbone: "imagenet" (downloaded by Keras once, then kept in its cache
            folder), the path of a weights file without top, or `None` for random weights.
        trainable: whether the backbone is trained; the dense layer always is.
        preprocessing: "batch_normalization" (the study) or "imagenet": grey to three channels,
            red-green-blue to blue-green-red, minus the ImageNet means.
        classifier_activation: activation of the last layer; `None` returns logits.
        name: name of the model, "vgg19_classifier" by default; the backbone inside is "vgg19".

    Returns:
        A model from `(batch, height, width, channels)` float32 in [0, 255] to
        `(batch, num_classes)` float32: probabilities, or logits without an activation.

    Raises:
        InvalidArgumentError: (a ValueError) the input is too small, its channels do not fit or
            an argument is invalid.
        NotFoundError: the weights file does not exist.
        WeightsUnavailableError: (an OSError) the weights cannot be downloaded or loaded; the
            message says where to put the file and what to pass instead.

    Examples:
        >>> import keras_cxr
        >>> keras_cxr.build_vgg19(weights=None).count_params()
        20026448
    """
    check_choice("vgg19", "preprocessing", preprocessing, PREPROCESSING)
    shape, num_classes = check_arguments(
        "vgg19",
        input_shape,
        num_classes,
        smallest_size=SMALLEST_SIZE,
        channels=CHANNELS[preprocessing],
        channels_mend='Read grey images with color_mode="rgb", or build with '
        'preprocessing="imagenet", which takes 1 channel too.',
    )
    first = keras.config.image_data_format() == "channels_first"
    rgb_shape = (3, *shape[1:]) if first else (*shape[:2], 3)
    backbone = load_backbone(
        keras.applications.VGG19, weights, input_shape=rgb_shape, model_name="vgg19"
    )
    backbone.trainable = trainable
    if preprocessing == "imagenet":
        front = _imagenet_preprocessing(shape)
    else:
        front = layers.BatchNormalization(axis=1 if first else -1)
    x = images = keras.Input(shape)
    for layer in (front, backbone):
        x = layer(x)
    x = layers.Dense(num_classes, activation=classifier_activation, name="predictions")(x)
    return keras.Model(images, x, name=name or "vgg19_classifier")


def _imagenet_preprocessing(shape: tuple[int, int, int]) -> keras.Model:
    """What keras.applications' `preprocess_input` computes, from Keras' own serializable parts.

    No custom layer, so that a saved model loads where keras-cxr is not installed.
    """
    axis = 1 if keras.config.image_data_format() == "channels_first" else -1
    images = keras.Input(shape)
    if shape[axis] == 1:
        x = layers.Concatenate(axis=axis)([images, images, images])
    else:
        x = keras.ops.flip(images, axis=axis)
    means = layers.Rescaling(1.0, offset=[-mean for mean in IMAGENET_MEANS_BGR])
    return keras.Model(images, means(x), name="imagenet_preprocessing")
