"""448 numbers that tell how a picture is laid out, and the eight ways in which it may lie."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.resampling import fit

SIDE = 64
"""Pixels a side of what is described: the layout of a chest is seen, single vessels are not."""

_GREY_CELLS, _EDGE_CELLS = 16, 8
_BLUR = 1.0  # pixels: grain of one pixel has no direction


class Orientation(NamedTuple):
    """How a picture may lie: `quarters` turned anticlockwise by 90 degrees, and negative or not."""

    quarters: int
    negative: bool


ORIENTATIONS = tuple(
    Orientation(quarters, negative) for negative in (False, True) for quarters in range(4)
)
"""The first is the upright positive."""


def small(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (64, 64) uint8 of a (height, width) picture in [0, 255]."""
    fitted = fit(image, (SIDE, SIDE))
    return fitted if fitted.dtype == np.uint8 else np.rint(fitted).astype(np.uint8)


def oriented(images: NDArray[np.uint8], orientation: Orientation) -> NDArray[np.uint8]:
    """Return (n, 64, 64) uint8 pictures turned, and made negative, as asked."""
    turned = np.rot90(images, orientation.quarters, axes=(1, 2))
    return np.ascontiguousarray(255 - turned if orientation.negative else turned)


def describe(images: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return (n, 448) float32: where (n, 64, 64) uint8 pictures are bright and how edges run.

    256 are the grey values of 16 x 16 cells, less their mean and divided by their standard
    deviation, so that exposure does not count. 192 are for 8 x 8 cells the mean of the gradient's
    length g = sqrt(gx^2 + gy^2) and of its doubled direction (gx^2 - gy^2) / g and 2 gx gy / g
    (Granlund 1978), divided by the picture's mean g; a negative has the same.
    """
    return np.stack([_describe(image) for image in images])


def _describe(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    values = image.astype(np.float32)
    cells = cv2.resize(values, (_GREY_CELLS, _GREY_CELLS), interpolation=cv2.INTER_AREA).ravel()
    grey = (cells - cells.mean()) / (cells.std() + 4.0)  # 4 levels: emptiness is not spread out
    smoothed = cv2.GaussianBlur(values, (0, 0), _BLUR)
    x = cv2.Sobel(smoothed, cv2.CV_32F, 1, 0)
    y = cv2.Sobel(smoothed, cv2.CV_32F, 0, 1)
    length = np.sqrt(x * x + y * y) + np.float32(1e-3)
    edges = np.dstack([length, (x * x - y * y) / length, 2.0 * x * y / length])
    edges = cv2.resize(edges, (_EDGE_CELLS, _EDGE_CELLS), interpolation=cv2.INTER_AREA)
    return np.concatenate([grey, (edges / (edges[..., 0].mean() + 1.0)).ravel()])
