"""Pretrained backbones: Keras' own loader, and errors that say what to do without a network."""

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from keras_cxr.errors import NotFoundError, WeightsUnavailableError

WEIGHT_FILES = {"vgg19": "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"}


def keras_models_folder() -> Path:
    """The folder in which Keras keeps downloaded weights."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def load_backbone(
    application: Callable[..., keras.Model],
    weights: str | os.PathLike[str] | None,
    *,
    input_shape: tuple[int, int, int],
    model_name: str,
) -> keras.Model:
    """A `keras.applications` model without top, averaged over its last maps.

    Args:
        application: the constructor, for example `keras.applications.VGG19`.
        weights: "imagenet", the path of a weights file, or `None`.
        input_shape: `(height, width, 3)`.
        model_name: our name for it, used in messages and for the file to place by hand.

    Raises:
        NotFoundError: the weights file does not exist.
        WeightsUnavailableError: the weights cannot be downloaded, or do not fit the backbone.
    """
    arguments: dict[str, Any] = {
        "include_top": False,
        "pooling": "avg",
        "input_shape": input_shape,
    }
    if weights is None:
        return application(weights=None, **arguments)
    if weights == "imagenet":
        try:
            # Keras prints its download to standard output, where results go
            with contextlib.redirect_stdout(sys.stderr):
                return application(weights="imagenet", **arguments)
        except Exception as error:  # Keras raises a bare Exception when a download fails
            place = keras_models_folder() / WEIGHT_FILES[model_name]
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
        return application(weights=str(path), **arguments)
    except Exception as error:  # of a damaged file Keras raises nearly anything
        reason = " ".join(str(error).split())[:200]
        raise WeightsUnavailableError(
            f"The weights file {path} does not fit {model_name} without its top ({reason}). "
            f"A file that fits is {WEIGHT_FILES[model_name]}; weights=None starts from random ones."
        ) from error
