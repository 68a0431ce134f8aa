"""What pictures look like from afar: the low frequencies of windows of them.

Windows of one picture are held against the whole or the middle of another, so that crops and
shifts meet as well.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import InvalidArgumentError

SIDE = 64
"""Pictures are described from copies of this side."""
_FREQUENCIES = 12  # in each direction: down to a twelfth of the picture
_SHRINKAGE = 32.0  # a mean of fewer pictures than this says little of how chests look
_ROWS = 512  # pictures that are described at a time


def check_searchable(image_size: tuple[int, int]) -> tuple[int, int]:
    """Return an image size in which copies can be told from other films.

    Raises:
        InvalidArgumentError: A side is shorter than 64.
    """
    if min(image_size) < SIDE:
        raise InvalidArgumentError(
            f"Copies are looked for in images of at least {SIDE} x {SIDE}, received image_size "
            f"{image_size}. Pass a larger one."
        )
    return image_size


class Window(NamedTuple):
    """A part of the picture: its side and left upper corner, as fractions of the picture."""

    size: float
    x: float
    y: float


class Framing(NamedTuple):
    """How two pictures are compared: a window of the one with a window of the other."""

    query: Window
    target: Window
    flipped: bool = False
    inverted: bool = False


WHOLE = Window(1.0, 0.0, 0.0)
_CROPS = [Window(0.92, x, y) for x in (0.0, 0.04, 0.08) for y in (0.0, 0.04, 0.08)]
_MIDDLE = _CROPS[4]
_TIGHT = Window(0.85, 0.075, 0.075)
_CENTRE = Window(0.7, 0.15, 0.15)
FRAMINGS = (
    Framing(WHOLE, WHOLE),
    *(Framing(window, WHOLE) for window in _CROPS),
    *(Framing(window, _MIDDLE) for window in _CROPS if window != _MIDDLE),
    Framing(_TIGHT, WHOLE),
    Framing(_CENTRE, _CENTRE),
    Framing(WHOLE, WHOLE, flipped=True),
    Framing(_MIDDLE, WHOLE, flipped=True),
    Framing(WHOLE, WHOLE, inverted=True),
    Framing(_MIDDLE, WHOLE, inverted=True),
)
"""The same frame; crops by some 8 %; shifts by some 4 %; a crop by 15 %; the centre alone, where
there are no letters and turns move little; mirrored and negative, each whole and cropped."""


def framings_by_target() -> dict[Window, list[tuple[int, Framing]]]:
    """Return the places in `FRAMINGS` and the framings that share a target's window."""
    found: dict[Window, list[tuple[int, Framing]]] = {}
    for number, framing in enumerate(FRAMINGS):
        found.setdefault(framing.target, []).append((number, framing))
    return found


class TargetWindow:
    """The pictures of a data set in one window, and how windows of them are held against it.

    A picture is described by its window's 12 x 12 lowest cosine frequencies (the DCT-II, without
    the mean; Ahmed et al. 1974), scaled to length 1, less their mean over all pictures in the
    window of this window, each divided by its deviation. So what all chests share does not count,
    nor do brightness and contrast.

    Args:
        small: (n, 64, 64) uint8, the pictures.
        window: of the targets.

    Attributes:
        targets: (n, 143) float32 of length 1: the window of every picture as it is.
    """

    def __init__(self, small: NDArray[np.uint8], window: Window) -> None:
        self._small = small
        coefficients = window_coefficients(small, window)
        self._mean = coefficients.mean(0) * (len(small) / (len(small) + _SHRINKAGE))
        deviation = np.sqrt(((coefficients - self._mean) ** 2).mean(0))
        self._deviation = np.maximum(deviation, 1e-6)
        self.targets = self._beside_usual(coefficients)

    def queries(
        self, framing: Framing, rows: slice | NDArray[np.int64] = slice(None)
    ) -> NDArray[np.float32]:
        """Return (rows, 143) float32 of length 1: what a framing takes of its first picture."""
        return self._beside_usual(
            window_coefficients(turned(self._small[rows], framing), framing.query)
        )

    def _beside_usual(self, coefficients: NDArray[np.float32]) -> NDArray[np.float32]:
        return _to_length_one((coefficients - self._mean) / self._deviation)


def turned(pictures: NDArray[np.uint8], framing: Framing) -> NDArray[np.uint8]:
    """Return (..., height, width) uint8 pictures as a framing's query shows them."""
    if framing.inverted:
        pictures = 255 - pictures
    return np.ascontiguousarray(pictures[..., ::-1]) if framing.flipped else pictures


def window_coefficients(small: NDArray[np.uint8], window: Window) -> NDArray[np.float32]:
    """Return (n, 143) float32 DCT coefficients of a window, each row of length 1 (or 0)."""
    along_y = _basis(window.size, window.y)
    along_x = _basis(window.size, window.x)
    blocks = [
        np.matmul(along_y @ small[start : start + _ROWS].astype(np.float32), along_x.T)
        for start in range(0, len(small), _ROWS)
    ]
    return _to_length_one(np.concatenate(blocks).reshape(len(small), -1)[:, 1:])


def _to_length_one(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _basis(size: float, corner: float) -> NDArray[np.float32]:
    """Return (12, 64) float32: each pixel's share of each cosine over a window.

    Cosine k at the place t of the window (0 to 1) is cos(pi k t); a pixel's share is the
    integral over what the window holds of it, so that windows need not end at pixels.
    """
    edges = np.clip((np.arange(SIDE + 1) / SIDE - corner) / size, 0.0, 1.0)
    orders = np.arange(1, _FREQUENCIES)[:, np.newaxis]
    waves = np.sin(np.pi * orders * edges) / (np.pi * orders) * np.sqrt(2.0)
    return np.diff(np.vstack([edges, waves]), axis=1).astype(np.float32)
