"""What a grey picture shows besides the patient: border, marks, exposure, sharpness, histogram."""

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.resampling import fit

SIDE = 224
"""Pixels a side at which marks, sharpness and histogram are measured, whatever the file's size."""

CONSTANT_RANGE = 8
"""Grey levels within which a row counts as constant: JPEG rings by some levels beside an edge."""

CORNER = SIDE // 4
"""Side of the corners in which marks are looked for: markers and captions lie there."""

STROKE = 13
"""Widest stroke of a mark, in pixels of `SIDE`; shoulders and heart are wider and drop out."""

LETTER = 24
"""Longest side of a mark's letter, in pixels of `SIDE`. Skin folds, ribs and frames are longer."""

MARK_RISE = 48
"""Grey levels by which a mark rises over its surroundings. Grain and ribs rise by less."""

MIN_AREA = 5
"""Pixels that a letter covers at least; grain covers fewer."""

NUM_BINS = 16
BORDERS = ("border_top", "border_right", "border_bottom", "border_left")
CORNERS = ("mark_top_left", "mark_top_right", "mark_bottom_left", "mark_bottom_right")
BINS = tuple(f"histogram_{number:02d}" for number in range(NUM_BINS))


def measure_picture(image: NDArray[np.uint8]) -> dict[str, float]:
    """Return what can be measured on a picture without looking at the patient.

    Args:
        image: (height, width) uint8 in its own size.

    Returns:
        Borders: share of the height or width that is constant at each side, 0 to 1. Marks: share
        of each corner's pixels that belong to thin bright shapes of a letter's size (white
        top-hat, Serra 1982), `mark_most` the largest of the four. Brightness and contrast: mean and
        standard deviation, in 1/255. Sharpness: log10 of 1 + the variance of the Laplacian at
        224 x 224 (Pech-Pacheco et al. 2000). Histogram: share of pixels in 16 bins of grey.
    """
    small = np.ascontiguousarray(fit(image, (SIDE, SIDE)))
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(small))
    laplacian = cv2.Laplacian(small, cv2.CV_32F)
    counts = np.bincount(small.ravel() >> 4, minlength=NUM_BINS) / small.size
    marks = _marks(small)
    return {
        **dict(zip(BORDERS, _borders(image), strict=True)),
        **dict(zip(CORNERS, marks, strict=True)),
        "mark_most": max(marks),
        "brightness": mean / 255.0,
        "contrast": deviation / 255.0,
        "sharpness": float(np.log10(1.0 + laplacian.var())),
        **dict(zip(BINS, counts.tolist(), strict=True)),
    }


def colourfulness(data: bytes) -> float:
    """Return the mean difference of the strongest and the weakest colour of a file, 0 to 1.

    Grey pictures saved in colour have 0, those with a coloured label almost 0, photographs 0.05
    and more. Measured at a quarter of the size, which no colour escapes.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_COLOR_4)
    if pixels is None:
        return 0.0
    spread = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
    return float(spread.mean() / 255.0)


def _borders(image: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Return the constant share at the top, right, bottom and left."""
    rows, columns = _is_constant(image, 1), _is_constant(image, 0)
    return _leading(rows), _leading(columns[::-1]), _leading(rows[::-1]), _leading(columns)


def _is_constant(image: NDArray[np.uint8], axis: int) -> NDArray[np.bool_]:
    high = cv2.reduce(image, axis, cv2.REDUCE_MAX).ravel().astype(np.int16)
    low = cv2.reduce(image, axis, cv2.REDUCE_MIN).ravel()
    return np.asarray(high - low <= CONSTANT_RANGE)


def _leading(constant: NDArray[np.bool_]) -> float:
    return 1.0 if constant.all() else float(np.argmin(constant) / len(constant))


def _marks(small: NDArray[np.uint8]) -> list[float]:
    """Return the share of letter-like pixels at top left, top right, bottom left, bottom right."""
    kernel = np.ones((STROKE, STROKE), np.uint8)
    bright = cv2.morphologyEx(small, cv2.MORPH_TOPHAT, kernel) >= MARK_RISE
    _, parts, sizes, _ = cv2.connectedComponentsWithStats(bright.astype(np.uint8))
    longest = sizes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1)
    letters = (longest <= LETTER) & (sizes[:, cv2.CC_STAT_AREA] >= MIN_AREA)
    letters[0] = False  # what is not bright
    marked = letters[parts]
    near, far = slice(0, CORNER), slice(SIDE - CORNER, SIDE)
    corners = ((near, near), (near, far), (far, near), (far, far))
    return [float(marked[corner].mean()) for corner in corners]
