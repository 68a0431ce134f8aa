"""Phantoms of any size, as a batch that a model takes."""

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.resampling import fit
from keras_cxr.phantoms.draw import CLASS_NAMES, MIN_SIDE, draw_phantom

NUM_CHECKED = 16
"""So many tell whether a model answers in another runtime as it does in Keras."""


def draw_pictures(
    image_size: tuple[int, int], channels: int, *, count: int = NUM_CHECKED, first: int = 0
) -> NDArray[np.uint8]:
    """Return phantoms `(count, height, width, channels)` uint8, of each kind in turn.

    Args:
        image_size: (height, width) that they are stretched to.
        channels: how often the grey value is repeated.
        count: how many.
        first: the number of the first of each kind; others are other pictures.
    """
    drawn = tuple(max(side, MIN_SIDE) for side in image_size)
    pictures = [
        fit(
            draw_phantom(
                CLASS_NAMES[number % len(CLASS_NAMES)],
                first + number // len(CLASS_NAMES),
                image_size=(drawn[0], drawn[1]),
            ).image,
            image_size,
        )
        for number in range(count)
    ]
    return np.repeat(np.stack(pictures)[..., np.newaxis], channels, axis=-1)
