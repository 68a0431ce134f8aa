"""Iso-lines of heat maps, drawn so that they show on bright and on dark X-rays."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

# Heat is compared on a grid this much finer than the picture's, so that lines bend smoothly.
_FINER = 4
_MARGIN = 2  # pixels beyond the picture's edge, where a line that meets the edge is closed
_SHIFT = 4  # OpenCV's fixed-point coordinates have 1/16 pixel
# grey value, thickness in pixels and opacity: a black edge under a white line
_STROKES = ((0, 2, 0.6), (255, 1, 0.95))


def draw_contours(
    picture: NDArray[np.uint8], heat: NDArray[np.float32], levels: Sequence[float]
) -> NDArray[np.uint8]:
    """Return a copy of a colour picture with a line along each level of the heat.

    Lines are white with a black edge, anti-aliased: white shows on dark ground, black on bright.
    Where the heat runs over the picture's edge the line ends there.

    Args:
        picture: (height, width, 3) uint8.
        heat: (height, width) float32 in [0, 1].
        levels: Values in (0, 1]; the line encloses what is at least as hot.
    """
    lines = [line for level in levels for line in _lines(heat, level)]
    result = picture.astype(np.float32)
    for grey, thickness, opacity in _STROKES:  # all edges first: none may cover another line
        covered = np.zeros(heat.shape, np.uint8)
        cv2.polylines(covered, lines, True, 255, thickness, cv2.LINE_AA, _SHIFT)
        weight = (opacity / 255 * covered.astype(np.float32))[..., None]
        result += weight * (grey - result)
    return np.round(result).astype(np.uint8)


def _lines(heat: NDArray[np.float32], level: float) -> list[NDArray[np.int32]]:
    """Closed lines (points, 1, 2) in OpenCV's fixed-point pixels."""
    padded = np.pad(heat, _MARGIN, mode="edge")
    finer = cv2.resize(padded, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR)
    inside = (finer >= level).astype(np.uint8)
    found, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return [
        np.round(((line + 0.5) / _FINER - 0.5 - _MARGIN) * 2**_SHIFT).astype(np.int32)
        for line in found
    ]
