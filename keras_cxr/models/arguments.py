"""Checks of the arguments that all builders share, made before any layer is created."""

import operator
from collections.abc import Callable, Collection
from typing import Any

import keras
from keras import layers

from keras_cxr.errors import InvalidArgumentError

POOLING = (None, "avg", "max")


def check_arguments(
    model: str,
    input_shape: Any,
    num_classes: Any,
    *,
    smallest_size: int,
    include_top: Any,
    pooling: Any,
    channels: Collection[int] | None = None,
    channels_remedy: str = "",
    pooling_remedy: str = "",
) -> tuple[tuple[int, int, int], int]:
    """Input shape and class count as plain ints, when a model can be built from them.

    Args:
        model: the builder's name, for the message.
        input_shape: `(height, width, channels)`, or channels first where Keras is configured so.
        num_classes: number of classes.
        smallest_size: the smallest height and width in pixels that leave every map 1 x 1.
        include_top: whether the classifier is built, True or False.
        pooling: without the classifier: "avg", "max" or `None`.
        channels: the channel counts that work; `None` accepts every count from 1.
        channels_remedy: what to do about a wrong channel count.
        pooling_remedy: what may have been meant by a wrong `pooling`.

    Raises:
        InvalidArgumentError: an argument cannot work; the message says what does.
    """
    try:
        shape = tuple(operator.index(size) for size in input_shape)
    except TypeError:
        shape = ()
    if len(shape) != 3:
        raise InvalidArgumentError(
            f"build_{model}: input_shape must be three whole numbers "
            f"(height, width, channels), for example (224, 224, 1), not {input_shape!r}."
        )
    first = keras.config.image_data_format() == "channels_first"
    depth, sizes = (shape[0], shape[1:]) if first else (shape[2], shape[:2])
    if min(sizes) < smallest_size:
        raise InvalidArgumentError(
            f"build_{model}: input_shape {shape} is too small; the smallest height and width "
            f"that work are {smallest_size} x {smallest_size}."
        )
    if depth < 1 or (channels is not None and depth not in channels):
        allowed = "at least 1 channel" if channels is None else f"{_either(channels)} channels"
        raise InvalidArgumentError(
            f"build_{model}: input_shape {shape} has {depth} channels, the model takes {allowed} "
            f"(and at least {smallest_size} x {smallest_size} pixels). {channels_remedy}".rstrip()
        )
    check_choice(model, "include_top", include_top, (True, False))
    check_choice(model, "pooling", pooling, POOLING, remedy=pooling_remedy)
    if include_top and pooling is not None:
        raise InvalidArgumentError(
            f"build_{model}: pooling={pooling!r} is of the features that include_top=False "
            "returns; with the classifier on top (include_top=True) leave it out. "
            f"{pooling_remedy}".rstrip()
        )
    return shape, check_num_classes(model, num_classes)


def pool(maps: Any, pooling: str | None) -> Any:
    """Return the features of a network without its classifier, as `keras.applications` names them.

    Args:
        maps: symbolic `(batch, height, width, channels)`.
        pooling: "avg" or "max" over height and width, which leaves `(batch, channels)`, or `None`
            for the maps as they are.
    """
    if pooling is None:
        return maps
    kind = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}[pooling]
    return kind(name=f"{pooling}_pool")(maps)


def check_num_classes(model: str, num_classes: Any) -> int:
    """Return the class count as an int of at least 1."""
    try:
        count = operator.index(num_classes)
    except TypeError:
        count = 0
    if count < 1:
        raise InvalidArgumentError(
            f"build_{model}: num_classes must be a whole number of at least 1, not {num_classes!r}."
        )
    return count


def check_choice(
    model: str, argument: str, value: Any, choices: Collection[Any], *, remedy: str = ""
) -> None:
    """Raise unless `value` is one of `choices`."""
    if value not in choices:
        raise InvalidArgumentError(
            f"build_{model}: {argument} must be {_either(choices)}, not {value!r}. "
            f"{remedy}".rstrip()
        )


def smallest_input(output_size: Callable[[int], int]) -> int:
    """Return the smallest input size for which `output_size` gives at least 1.

    `output_size` must not decrease as its argument grows, as is true of any stack of
    convolutions and poolings.
    """
    size = 1
    while output_size(size) < 1:
        size += 1
    return size


def window_output(size: int, window: int, stride: int = 1, *, padding: str = "valid") -> int:
    """Return the length of a convolution's or pooling's output, 0 where the window does not fit."""
    if padding == "same":
        return -(-size // stride)
    return 0 if size < window else (size - window) // stride + 1


def _either(choices: Collection[Any]) -> str:
    return " or ".join(repr(choice) for choice in choices)
