"""Whether an export answers as Keras does, and how fast: what is measured, and the rule."""

import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.processes import num_cores
from keras_cxr.errors import ExportError
from keras_cxr.runtimes.formats import ExportFormat, Predict
from keras_cxr.runtimes.measures import Parity, Speed

BATCHES = (1, 5, 10)  # a single film, and two lengths, since converters may fix the batch
SPEED_BATCHES = (1, 32)
_INSIDE = 0.5  # of the lungs, as `LungSegmenter` has it
_MOST_ROUNDS = 5
_MOST_SECONDS = 1.0  # for a batch size, once each has answered


def measure_parity(
    predict: Predict,
    pixels: NDArray[np.uint8],
    expected: NDArray[np.floating],
    *,
    wanted: ExportFormat,
    pictures: str = "phantoms",
) -> Parity:
    """Return how far a runtime's probabilities are from those of Keras.

    Args:
        predict: the runtime's; it is asked in batches of 1, 5, 10 and again 10.
        pixels: `(pictures, height, width, channels)` uint8 in [0, 255].
        expected: Keras' probabilities in [0, 1] of the same pixels, computed without the export's
            own model: `(pictures, classes)`, or `(pictures, height, width)`.
        wanted: the format, with what it lets pass.
        pictures: what they are.

    Raises:
        ExportError: (a RuntimeError) a probability differs by more than the format's tolerance, is
            not a number, too few answers are equal, or there are more or fewer of them.
    """
    called = f"{wanted.runtime} ({wanted.name})"
    parts: list[NDArray[np.float32]] = []
    start = 0
    while start < len(pixels):
        end = min(start + BATCHES[min(len(parts), len(BATCHES) - 1)], len(pixels))
        part = np.asarray(predict(pixels[start:end]))
        if part.shape != (end - start, *expected.shape[1:]):
            raise ExportError(
                f"{called} returns an array of shape {part.shape} for a batch of {end - start}, "
                f"not {(end - start, *expected.shape[1:])}. Nothing was written."
            )
        parts.append(part)
        start = end
    found = np.concatenate(parts).astype(np.float64)
    difference = float(np.abs(found - expected).max())
    if not difference <= wanted.tolerance:  # NaN too
        raise _unequal(
            wanted,
            f"{called} does not answer as Keras does: on {len(pixels)} {pictures} a probability "
            f"differs by {difference:.2g}, more than {wanted.tolerance:g}.",
        )
    equal = float(np.mean(_answers(found) == _answers(expected)))
    if equal < wanted.least_equal:
        raise _unequal(
            wanted,
            f"{called} does not answer as Keras does: on {len(pixels)} {pictures} {equal:.1%} of "
            f"the answers are equal, less than {wanted.least_equal:.0%}.",
        )
    return Parity(pictures, len(pixels), wanted.tolerance, difference, equal, wanted.least_equal)


def _answers(found: NDArray[np.floating]) -> NDArray[np.generic]:
    """Return the most probable class of each picture, or whether each pixel is lung."""
    return found.argmax(axis=1) if found.ndim == 2 else found > _INSIDE


def _unequal(wanted: ExportFormat, what: str) -> ExportError:
    if wanted.quantizes:
        advice = (
            "Calibrate it on films like those that it will see (calibrate_on=), or take the format "
            "litert, which keeps the model's own numbers."
        )
    else:
        advice = "Layers of your own, or a precision other than float32, are the usual reasons."
    return ExportError(f"{what} Nothing was written. {advice}")


def measure_speed(
    predict: Predict, keras_predict: Callable[[NDArray[np.uint8]], object], image: NDArray[np.uint8]
) -> tuple[Speed, ...]:
    """Return images a second of a runtime at batches of 1 and 32, beside Keras' own.

    Both take turns, and each has answered for a batch of that length before.

    Args:
        predict: the runtime's.
        keras_predict: what Keras does for the same pixels.
        image: `(height, width, channels)` uint8, repeated to make a batch.
    """
    found = []
    for size in SPEED_BATCHES:
        pixels = np.repeat(image[np.newaxis], size, axis=0)
        rounds: list[tuple[float, float]] = []
        predict(pixels), keras_predict(pixels)
        started = time.perf_counter()
        while len(rounds) < _MOST_ROUNDS:
            times = [time.perf_counter()]
            for one in (predict, keras_predict):
                one(pixels)
                times.append(time.perf_counter())
            first, second = (max(end - begin, 1e-9) for begin, end in pairwise(times))
            rounds.append((first, second))
            if times[-1] - started > _MOST_SECONDS:
                break
        found.append(
            Speed(
                size,
                num_cores(),
                size / statistics.median(mine for mine, _ in rounds),
                statistics.median(other / mine for mine, other in rounds),
            )
        )
    return tuple(found)
