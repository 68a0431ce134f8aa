"""Networks of `keras.applications`: their weights, and what to do without a network.

A builder of such a network is its preprocessing and a call of `build_on_backbone`.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
from keras import layers

from keras_cxr._support.offline import OFFLINE_VARIABLE, is_offline
from keras_cxr.errors import NotFoundError, WeightsUnavailableError


def keras_models_folder() -> Path:
    """Return the folder in which Keras keeps downloaded weights."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def channel_axis() -> int:
    """Return the axis of a batch of images that holds the channels, as Keras is configured."""
    return 1 if keras.config.image_data_format() == "channels_first" else -1


def build_on_backbone(
    application: Callable[..., keras.Model],
    front: keras.Layer,
    shape: tuple[int, int, int],
    num_classes: int,
    *,
    model_name: str,
    weights_file: str,
    weights: str | os.PathLike[str] | None,
    trainable: bool,
    include_top: bool,
    pooling: str | None,
    classifier_activation: str | None,
    name: str | None,
) -> keras.Model:
    """Return a network of `keras.applications` behind its preprocessing, and one dense layer.

    Args:
        application: the constructor, for example `keras.applications.VGG19`.
        front: what makes the values that it expects of images in [0, 255].
        shape: of the images, `(height, width, channels)`.
        num_classes: number of classes.
        model_name: our name for it, used in messages and for the nested model.
        weights_file: name of the ImageNet weights without top, as Keras downloads them.
        weights: "imagenet", the path of a weights file, or `None`.
        trainable: whether the backbone is trained.
        include_top: whether the maps are averaged and classified.
        pooling: without that, "avg", "max" or `None`.
        classifier_activation: of the dense layer.
        name: of the model, `model_name` with "_classifier" or "_features" by default.

    Raises:
        NotFoundError: the weights file does not exist.
        WeightsUnavailableError: the weights cannot be downloaded, or do not fit the backbone.
    """
    backbone = load_backbone(
        application,
        weights,
        input_shape=(3, *shape[1:]) if channel_axis() == 1 else (*shape[:2], 3),
        pooling="avg" if include_top else pooling,
        model_name=model_name,
        weights_file=weights_file,
    )
    backbone.trainable = trainable
    images = keras.Input(shape)
    x = backbone(front(images))
    if include_top:
        x = layers.Dense(num_classes, activation=classifier_activation, name="predictions")(x)
    kind = "classifier" if include_top else "features"
    return keras.Model(images, x, name=name or f"{model_name}_{kind}")


def load_backbone(
    application: Callable[..., keras.Model],
    weights: str | os.PathLike[str] | None,
    *,
    input_shape: tuple[int, int, int],
    pooling: str | None,
    model_name: str,
    weights_file: str,
) -> keras.Model:
    """Return a `keras.applications` model without its top.

    Raises:
        NotFoundError: the weights file does not exist.
        WeightsUnavailableError: the weights cannot be downloaded, or do not fit the backbone.
    """

    def load(source: str | None) -> keras.Model:
        return application(
            include_top=False, pooling=pooling, input_shape=input_shape, weights=source
        )

    if weights is None:
        return load(None)
    if weights == "imagenet":
        place = keras_models_folder() / weights_file
        if is_offline() and not place.is_file():
            raise WeightsUnavailableError(
                f"The ImageNet weights of {model_name} are not at {place}, and {OFFLINE_VARIABLE} "
                "or HF_HUB_OFFLINE forbids connections. Put the file there, or pass its path as "
                "weights=, or pass weights=None for random weights."
            )
        try:
            # Keras prints its download to standard output, where results go
            with contextlib.redirect_stdout(sys.stderr):
                return load("imagenet")
        except Exception as error:  # Keras raises a bare Exception when a download fails
            raise WeightsUnavailableError(
                f"The ImageNet weights of {model_name} could not be downloaded ({error}). "
                f"Put the file {place.name} at {place}, or pass its path as weights=, "
                "or pass weights=None for random weights."
            ) from error
    path = Path(weights)
    if not path.is_file():
        raise NotFoundError(
            f"The weights file {path} does not exist. Pass weights='imagenet', the path of an "
            "existing file, or weights=None for random weights."
        )
    try:
        return load(str(path))
    except Exception as error:  # of a damaged file Keras raises nearly anything
        reason = " ".join(str(error).split())[:200]
        raise WeightsUnavailableError(
            f"The weights file {path} does not fit {model_name} without its top ({reason}). "
            f"A file that fits is {weights_file}; weights=None starts from random ones."
        ) from error


def imagenet_preprocessing(
    shape: tuple[int, int, int],
    *,
    scale: float | Sequence[float],
    offset: Sequence[float],
    flip: bool = False,
) -> keras.Model:
    """Return what `preprocess_input` of `keras.applications` computes, and grey to three channels.

    It is made of Keras' own serializable parts and no custom layer, so that a saved model loads
    where keras-cxr is not installed.

    Args:
        shape: of the images, `(height, width, channels)` with 1 or 3 channels, in [0, 255].
        scale: what the channels are multiplied by, one number or one for each.
        offset: what is added to each channel then.
        flip: whether red, green, blue becomes blue, green, red before.
    """
    axis = channel_axis()
    images = keras.Input(shape)
    if shape[axis] == 1:
        x = layers.Concatenate(axis=axis)([images, images, images])
    else:
        x = keras.ops.flip(images, axis=axis) if flip else images
    rescaling = layers.Rescaling(scale, offset=list(offset))
    return keras.Model(images, rescaling(x), name="imagenet_preprocessing")
