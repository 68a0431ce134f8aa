"""VGG19 with ImageNet weights, in the study's recipe and in the one the weights expect."""

import os

import keras
from keras import layers

from keras_cxr.models.arguments import check_arguments, check_choice
from keras_cxr.models.pretrained import (
    build_on_backbone,
    channel_axis,
    imagenet_preprocessing,
)

SMALLEST_SIZE = 32
WEIGHTS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
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
    include_top: bool = True,
    pooling: str | None = None,
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
        include_top: False leaves out the averaging of the last maps and the dense layer;
            `num_classes` and `classifier_activation` are then without effect.
        pooling: with `include_top=False`, "avg" or "max" over height and width, or `None` for maps.
        classifier_activation: activation of the last layer; `None` returns logits.
        name: name of the model, "vgg19_classifier" by default, "vgg19_features" without its top;
            the backbone inside is "vgg19".

    Returns:
        A model from `(batch, height, width, channels)` float32 in [0, 255] to
        `(batch, num_classes)` float32: probabilities, or logits without an activation. With
        `include_top=False` to features: `(batch, height, width, 512)` or pooled `(batch, 512)`.

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
        include_top=include_top,
        pooling=pooling,
        channels=CHANNELS[preprocessing],
        channels_remedy='Read grey images with color_mode="rgb", or build with '
        'preprocessing="imagenet", which takes 1 channel too.',
    )
    if preprocessing == "imagenet":
        offset = [-mean for mean in IMAGENET_MEANS_BGR]
        front = imagenet_preprocessing(shape, scale=1.0, offset=offset, flip=True)
    else:
        front = layers.BatchNormalization(axis=channel_axis())
    return build_on_backbone(
        keras.applications.VGG19,
        front,
        shape,
        num_classes,
        model_name="vgg19",
        weights_file=WEIGHTS_FILE,
        weights=weights,
        trainable=trainable,
        include_top=include_top,
        pooling=pooling,
        classifier_activation=classifier_activation,
        name=name,
    )
