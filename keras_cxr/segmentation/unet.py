"""A small U-Net that finds the lungs on a chest film."""

import operator
import os
from typing import Any

import keras
from keras import layers

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.segmentation.weights import load_weights

FILTERS = (16, 32, 48, 64, 96)
STRIDE = 2 ** len(FILTERS)
"""How many pixels, along a side, one cell of the lowest level stands for."""


def build_lung_unet(
    input_shape: tuple[int, int, int] = (224, 224, 1),
    *,
    weights: str | os.PathLike[str] | None = None,
    name: str | None = None,
) -> keras.Model:
    """Lung U-Net: 336,833 parameters, from chest films to the probability that a pixel is lung.

    A U-Net (Ronneberger et al. 2015) of five levels, narrow enough for a processor. Each film is
    first standardized by its own mean and spread, since films differ more in exposure than chests
    do in shape. A first convolution halves the picture; then each level halves it again by
    maximum pooling and convolves twice, with batch normalization and ReLU. On the way up, maps
    are narrowed, enlarged and added to those of the same size, not stacked beside them as in the
    paper; the last step up is bilinear.

    Args:
        input_shape: `(height, width, channels)`, height and width multiples of 32; the channels
            are always last, however Keras is configured. Images are float32 in [0, 255].
        weights: "human_masks" (in the package: trained on 224 x 224 films with masks that people
            drew), the path of an `.npz` file of the same form, or `None` for random weights. Both
            files need one channel.
        name: name of the model, "lung_unet" by default.

    Returns:
        A model from `(batch, height, width, channels)` float32 in [0, 255] to
        `(batch, height, width, 1)` float32 in [0, 1], uncompiled.

    Raises:
        InvalidArgumentError: (a ValueError) the input does not fit the network or the weights.
        NotFoundError: the weights file does not exist.
        WeightsUnavailableError: (an OSError) the weights file is damaged or of another network.

    Examples:
        >>> from keras_cxr.segmentation import build_lung_unet
        >>> build_lung_unet().count_params()
        336833
    """
    shape = _check_shape(input_shape)
    if weights is not None and shape[2] != 1:
        raise InvalidArgumentError(
            f"build_lung_unet: weights={os.fspath(weights)!r} are of films with one channel, "
            f"input_shape {shape} has {shape[2]}: pass ({shape[0]}, {shape[1]}, 1), or "
            "weights=None."
        )
    x = images = keras.Input(shape)
    x = layers.LayerNormalization(
        axis=(1, 2, 3), center=False, scale=False, name="standardize"
    )(x)  # fmt: skip
    x = _convolution(x, FILTERS[0], "stem", strides=2)
    x = _convolution(x, FILTERS[0], "down_1")
    skips = []
    for level, filters in enumerate(FILTERS[1:], start=2):
        skips.append(x)
        x = layers.MaxPooling2D(2, data_format="channels_last", name=f"pool_{level}")(x)
        x = _convolution(x, filters, f"down_{level}_1")
        x = _convolution(x, filters, f"down_{level}_2")
    for level, skip in reversed(list(enumerate(skips, start=1))):
        filters = FILTERS[level - 1]
        x = layers.Conv2D(filters, 1, data_format="channels_last", name=f"narrow_{level}")(x)
        x = _enlarge(x, f"up_{level}")
        x = layers.Add(name=f"skip_{level}")([x, skip])
        x = _convolution(x, filters, f"up_{level}_1")
    # in float32 whatever Keras' policy is: probabilities near 0 and 1 need its digits
    x = layers.Conv2D(1, 1, data_format="channels_last", dtype="float32", name="logits")(x)
    x = _enlarge(x, "full_size", interpolation="bilinear", dtype="float32")
    x = layers.Activation("sigmoid", dtype="float32", name="lungs")(x)
    model = keras.Model(images, x, name=name or "lung_unet")
    if weights is not None:
        load_weights(model, weights)
    return model


def _convolution(x: Any, filters: int, name: str, *, strides: int = 1) -> Any:
    x = layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding="same",
        data_format="channels_last",
        use_bias=False,
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _enlarge(x: Any, name: str, **options: Any) -> Any:
    return layers.UpSampling2D(2, data_format="channels_last", name=name, **options)(x)


def _check_shape(input_shape: Any) -> tuple[int, int, int]:
    try:
        height, width, channels = (operator.index(size) for size in input_shape)
    except (TypeError, ValueError):
        height = width = channels = 0
    if height < 1 or width < 1 or channels < 1 or height % STRIDE or width % STRIDE:
        raise InvalidArgumentError(
            "build_lung_unet: input_shape must be (height, width, channels), height and width "
            f"multiples of {STRIDE}, for example (224, 224, 1), not {input_shape!r}."
        )
    return height, width, channels
