"""Checks of arguments that the whole house makes: integers, choices, the size of images."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from keras_cxr.errors import InvalidArgumentError


def check_integer(name: str, value: Any, *, least: int) -> int:
    """Return the value as an integer.

    Args:
        name: the argument's name, for the error
        value: what was passed; NumPy's integers count, True and False do not
        least: the smallest integer that is allowed

    Raises:
        InvalidArgumentError: It is no integer, or a smaller one.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InvalidArgumentError(f"{name} must be an integer from {least}, received {value!r}")
    return int(value)


def check_choice(
    name: str, value: Any, allowed: Iterable[Any], *, shown: Callable[[Any], str] = repr
) -> None:
    """Raise unless the value is one of those that are allowed.

    Args:
        name: the argument's name, for the error
        value: what was passed
        allowed: what may be passed
        shown: how the error writes what may be passed

    Raises:
        InvalidArgumentError: It is none of them.
    """
    allowed = tuple(allowed)
    if value not in allowed:
        raise InvalidArgumentError(
            f"{name} must be one of {', '.join(map(shown, allowed))}, received {value!r}"
        )


def check_image_size(image_size: Any) -> tuple[int, int]:
    """Return (height, width) as integers.

    Raises:
        InvalidArgumentError: These are not two positive numbers.
    """
    try:
        height, width = (int(side) for side in image_size)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"image_size must be (height, width), received {image_size!r}"
        ) from error
    if height < 1 or width < 1:
        raise InvalidArgumentError(f"image_size must be positive, received {image_size!r}")
    return height, width
