"""How stored values become grey: the whole range that a file may hold, or the film's own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_choice
from keras_cxr._support.text.names import shown

INTENSITIES = ("stored", "percentiles")
"""`stored` shows the range that the file says it uses: all its bits, or a DICOM film's window.
`percentiles` shows each film from its 0.5th to its 99.5th percentile of grey values."""

PERCENTILES = (0.5, 99.5)

NARROW = 0.1
"""Share of the 256 grey values below which a film counts as narrow: 12-bit values in a file of 16
bits use a sixteenth of them at most; each of 3,000 films of several hospitals uses a third or more.
"""

_SAMPLES = 8_192  # grey values that are looked at: 40 lie below the percentile, and it is fast

ADVICE = 'intensity="percentiles" spreads each film from its 0.5th to its 99.5th percentile'


class Film(NamedTuple):
    """What one file holds.

    Attributes:
        image: (height, width) uint8 in its own size.
        levels: how many of the file's own grey steps lie between the film's 0.5th and 99.5th
            percentile: up to 65,535 where it has 16 bits.
        patient: the same text for all DICOM films of one patient within one process, which says
            nothing of the patient; "" for other files and where the patient is not named.
    """

    image: NDArray[np.uint8]
    levels: int
    patient: str = ""


def check_intensity(intensity: Any) -> str:
    """Return the intensity as given.

    Raises:
        InvalidArgumentError: It is none of `INTENSITIES`.
    """
    check_choice("intensity", intensity, INTENSITIES)
    return str(intensity)


def limits(values: NDArray[Any], counts: NDArray[Any] | None = None) -> tuple[float, float]:
    """Return the 0.5th and 99.5th percentile: the first values that so many do not exceed.

    Args:
        values: numbers of any shape, at least one.
        counts: how often each of them stands there; once by default.
    """
    flat = values.ravel()
    if counts is None and flat.dtype.kind == "u" and flat.itemsize <= 2:
        low, high = _places(np.bincount(flat))
    elif counts is None:
        low, high = np.percentile(flat, PERCENTILES, method="inverted_cdf")
    else:
        order = np.argsort(flat, kind="stable")
        low, high = flat[order][_places(counts.ravel()[order])]
    return float(low), float(high)


def _places(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return at which of some counts in order the percentiles are reached."""
    reached = counts.cumsum()
    return np.searchsorted(reached, np.array(PERCENTILES) / 100.0 * reached[-1])


def stretched(values: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    """Return values as shares of the way from `low` to `high`, float32 in [0, 1]."""
    width = (high - low) or 1.0
    return np.asarray(np.clip((values - low) / width, 0.0, 1.0), np.float32)


def to_uint8(grey: NDArray[Any], intensity: str) -> NDArray[np.uint8]:
    """Return (height, width) uint8 or uint16 grey values as uint8, as `intensity` says."""
    if intensity == "percentiles":
        values = np.arange(np.iinfo(grey.dtype).max + 1)
        table = np.rint(255.0 * stretched(values, *limits(grey))).astype(np.uint8)
        return table[grey]
    # no value of 16 bits lies half way between two results, so nothing depends on rounding
    return grey if grey.dtype == np.uint8 else cv2.convertScaleAbs(grey, alpha=1.0 / 257.0)


def sample(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return every so manieth row and column, some thousand pixels of a picture."""
    step = max(1, int(np.sqrt(pixels.size / _SAMPLES)))
    return pixels[::step, ::step]


def is_narrow(image: NDArray[np.uint8]) -> bool:
    """Return whether pixels, (height, width), use less than `NARROW` of their range but vary."""
    few = image[::16, ::16].flatten()
    few.sort()
    if int(few[-1 - len(few) // 50]) - int(few[len(few) // 50]) > 2.0 * NARROW * 255.0:
        return False  # one pixel in 256 is enough for nearly all films
    low, high = limits(sample(image))
    return 0.0 < high - low < NARROW * 255.0


def describe_narrow(files: Sequence[str], total: int, advice: str = ADVICE) -> str:
    """Return a note that counts narrow films and names the option that helps."""
    return (
        f"{len(files):,} of {total:,} images use less than {NARROW:.0%} of their range and come "
        f"out black or flat, such as {shown(files[0])}: {advice}"
    )


def levels_used(grey: NDArray[Any]) -> int:
    """Return how many of its own grey steps lie between a picture's two percentiles."""
    low, high = limits(sample(grey))
    return round(high - low)
