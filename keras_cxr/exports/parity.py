"""Whether an export answers as Keras does: the pictures that both are asked about, and the rule."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.resampling import fit
from keras_cxr.errors import ExportError
from keras_cxr.exports.formats import Predict
from keras_cxr.exports.record import Parity
from keras_cxr.phantoms.draw import CLASS_NAMES, MIN_SIDE, draw_phantom

TOLERANCE = 1e-4
"""The largest difference of a probability that passes; sums in another order stay far below."""

_BATCHES = (1, 5, 10)  # a single film, and two lengths, since converters may fix the batch
_PER_CLASS = 4


def draw_pictures(image_size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """Return sixteen phantoms `(16, height, width, channels)` uint8, four of each kind."""
    drawn = tuple(max(side, MIN_SIDE) for side in image_size)
    pictures = [
        fit(draw_phantom(kind, number, image_size=(drawn[0], drawn[1])).image, image_size)
        for number in range(_PER_CLASS)
        for kind in CLASS_NAMES
    ]
    return np.repeat(np.stack(pictures)[..., np.newaxis], channels, axis=-1)


def measure_parity(
    predict: Predict, pixels: NDArray[np.uint8], expected: NDArray[np.float64], *, called: str
) -> Parity:
    """Return how far a runtime's probabilities are from those of Keras.

    Args:
        predict: the runtime's; it is asked in batches of 1, 5 and 10.
        pixels: as `draw_pictures` returns them.
        expected: Keras' probabilities `(16, classes)` in [0, 1], computed from the same pixels
            without the export's own model.
        called: what the error calls the runtime.

    Raises:
        ExportError: (a RuntimeError) a probability differs by more than the tolerance, is not a
            number, or there are more or fewer of them.
    """
    limits = np.cumsum((0, *_BATCHES))
    parts = [np.asarray(predict(pixels[start:end])) for start, end in pairwise(limits)]
    shapes = [part.shape for part in parts]
    if shapes != [(count, expected.shape[1]) for count in _BATCHES]:
        raise ExportError(
            f"{called} returns arrays of shape {', '.join(map(str, shapes))} for batches of "
            f"{', '.join(map(str, _BATCHES))} and {expected.shape[1]} classes. Nothing was written."
        )
    found = np.concatenate(parts).astype(np.float64)
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE:  # NaN too
        raise ExportError(
            f"{called} does not answer as Keras does: on {len(pixels)} phantoms a probability "
            f"differs by {difference:.2g}, more than {TOLERANCE:g}. Nothing was written. Layers of "
            "your own, or a precision other than float32, are the usual reasons."
        )
    equal = float(np.mean(found.argmax(axis=1) == expected.argmax(axis=1)))
    return Parity("phantoms", len(pixels), TOLERANCE, difference, equal)
