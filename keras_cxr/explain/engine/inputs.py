"""Bring images and class numbers into the one form that the explanations work on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import InvalidArgumentError

FORMS = (
    "(height, width), (height, width, channels), (batch, height, width) or "
    "(batch, height, width, channels)"
)


def image_batch(
    images: Any, *, channels: int | None = None, channels_first: bool = False
) -> NDArray[Any]:
    """Return images with batch and channels: (batch, height, width, channels), any number type.

    One image gets a batch of one, grey images without channels get one channel. Three
    dimensions are one image with channels when the last is 1, 3 or `channels`, else a batch of
    grey images. With `channels_first` the channels stand before height and width in all forms.

    Raises:
        InvalidArgumentError: Not an array of numbers in one of these forms, or no image in it.
    """
    if hasattr(images, "detach"):  # PyTorch's, which may want gradients or be bfloat16
        images = images.detach().cpu()
        images = images.float() if images.is_floating_point() else images
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise InvalidArgumentError(
            f"images must be one array of numbers, all of one size: {error}"
        ) from error
    if array.dtype.kind not in "buif" and array.dtype.name != "bfloat16":
        raise InvalidArgumentError(
            f"images must be numbers in [0, 255]; received an array of {array.dtype}."
        )
    axis = 1 if channels_first else -1
    if array.ndim == 2:
        array = np.expand_dims(array[None], axis)
    elif array.ndim == 3:
        known = {1, 3} if channels is None else {channels}
        single = array.shape[0 if channels_first else -1] in known
        array = array[None] if single else np.expand_dims(array, axis)
    if array.ndim != 4 or 0 in array.shape:
        raise InvalidArgumentError(
            f"images must be {FORMS}, with at least one image; received shape {np.shape(images)}."
        )
    return array


def check_size(
    shape: tuple[int, ...],
    expected: tuple[int | None, ...],
    *,
    model_name: str,
    channels_first: bool = False,
) -> None:
    """Raise unless an image's (height, width, channels) are those of the model's input."""
    if all(wanted in (None, side) for wanted, side in zip(expected, shape, strict=True)):
        return
    axis = 0 if channels_first else 2
    advice = "Resize the images to the model's size."
    if (shape[axis], expected[axis]) == (1, 3):
        advice = f"Repeat the grey channel: numpy.repeat(images, 3, axis={axis + 1})."
    elif expected[axis] not in (None, shape[axis]):
        advice = 'Read the images as for training (color_mode="grayscale" or "rgb").'
    raise InvalidArgumentError(
        f"images must be (batch, {', '.join(map(str, expected))}) for model {model_name!r}; "
        f"received (batch, {', '.join(map(str, shape))}). {advice}"
    )


def check_finite(images: NDArray[Any], *, first: int) -> None:
    """Raise for NaN or infinite pixels; `first` is the number of the first image in the batch."""
    bad = ~np.isfinite(images).all(axis=(1, 2, 3))
    if bad.any():
        raise InvalidArgumentError(
            f"images[{first + int(bad.argmax())}] holds NaN or infinite pixels; images are "
            "values in [0, 255]."
        )


def class_numbers(class_index: Any | None, *, count: int, num_classes: int) -> NDArray[np.int32]:
    """Return one class number per image, -1 where the predicted class is meant.

    Raises:
        InvalidArgumentError: Not None, an integer, or one integer per image; or out of range.
    """
    if class_index is None:
        return np.full(count, -1, np.int32)
    array = np.asarray(class_index)
    if array.dtype.kind not in "ui" or array.shape not in ((), (count,)):
        raise InvalidArgumentError(
            f"class_index must be None (the predicted class), an integer, or one integer for each "
            f"of the {count} images; received {array.dtype} of shape {array.shape}."
        )
    wrong = np.ravel(array)[np.ravel((array < 0) | (array >= num_classes))]
    if wrong.size:
        raise InvalidArgumentError(
            f"class_index must lie in 0 to {num_classes - 1}, the model's {num_classes} classes; "
            f"received {wrong[0]}."
        )
    return np.broadcast_to(array, (count,)).astype(np.int32)
