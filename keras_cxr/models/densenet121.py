"""DenseNet-121, CheXNet's network, on ImageNet weights and with what they expect of images."""

import os

import keras

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.models.arguments import check_arguments
from keras_cxr.models.pretrained import build_on_backbone, channel_axis, imagenet_preprocessing

SMALLEST_SIZE = 32
CHANNELS = (1, 3)
WEIGHTS_FILE = "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5"
# ImageNet's mean and standard deviation of red, green and blue in [0, 1], as keras.applications
# has them for networks whose weights were trained by torch
IMAGENET_MEANS = (0.485, 0.456, 0.406)
IMAGENET_DEVIATIONS = (0.229, 0.224, 0.225)


def build_densenet121(
    input_shape: tuple[int, int, int] = (224, 224, 1),
    num_classes: int = 4,
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    trainable: bool = True,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
) -> keras.Model:
    """Return DenseNet-121: 7,041,604 parameters at any size with 4 classes, uncompiled.

    The DenseNet121 of `keras.applications` (Huang et al. 2017, "Densely connected convolutional
    networks") without its top and averaged over the last maps, and one dense layer: the network of
    CheXNet (Rajpurkar et al. 2017), whose 14 sigmoid units are here a softmax over classes that
    exclude each other. In front stands what its ImageNet weights were trained with: grey to three
    channels, divided by 255, minus ImageNet's means, over its standard deviations.

    Args:
        input_shape: `(height, width, channels)`, at least 32 x 32 pixels; float32 in [0, 255]. 1 or
            3 channels, red first; one is repeated to three in the model, at no cost in parameters.
        num_classes: number of classes, at least 1.
        weights: of the backbone: "imagenet" (downloaded by Keras once, then kept in its cache
            folder), the path of a weights file without top, or `None` for random weights.
        trainable: whether the backbone is trained; the dense layer always is. A backbone that is
            not keeps the means and deviations of its normalizations too.
        include_top: False leaves out the averaging of the last maps and the dense layer;
            `num_classes` and `classifier_activation` are then without effect.
        pooling: with `include_top=False`, "avg" or "max" over height and width, or `None` for maps.
        classifier_activation: activation of the last layer; `None` returns logits.
        name: name of the model, "densenet121_classifier" by default, "densenet121_features" without
            its top; the backbone inside is "densenet121".

    Returns:
        A model from `(batch, height, width, channels)` float32 in [0, 255] to
        `(batch, num_classes)` float32: probabilities, or logits without an activation. With
        `include_top=False` to features: `(batch, height, width, 1024)` or pooled `(batch, 1024)`.

    Raises:
        InvalidArgumentError: (a ValueError) the input is too small, its channels do not fit, an
            argument is invalid, or Keras is configured for channels first.
        NotFoundError: the weights file does not exist.
        WeightsUnavailableError: (an OSError) the weights cannot be downloaded or loaded; the
            message says where to put the file and what to pass instead.

    Examples:
        >>> import keras_cxr
        >>> keras_cxr.build_densenet121((32, 32, 1), weights=None).count_params()
        7041604
    """
    if channel_axis() == 1:
        raise InvalidArgumentError(
            "build_densenet121: Keras is configured for images with the channels first, which "
            "keras.applications.DenseNet121 does not take: call "
            'keras.config.set_image_data_format("channels_last").'
        )
    shape, num_classes = check_arguments(
        "densenet121",
        input_shape,
        num_classes,
        smallest_size=SMALLEST_SIZE,
        include_top=include_top,
        pooling=pooling,
        channels=CHANNELS,
        channels_remedy="Read the images in grey or in colour.",
    )
    front = imagenet_preprocessing(
        shape,
        scale=[1 / (255 * deviation) for deviation in IMAGENET_DEVIATIONS],
        offset=[-m / s for m, s in zip(IMAGENET_MEANS, IMAGENET_DEVIATIONS, strict=True)],
    )
    return build_on_backbone(
        keras.applications.DenseNet121,
        front,
        shape,
        num_classes,
        model_name="densenet121",
        weights_file=WEIGHTS_FILE,
        weights=weights,
        trainable=trainable,
        include_top=include_top,
        pooling=pooling,
        classifier_activation=classifier_activation,
        name=name,
    )
