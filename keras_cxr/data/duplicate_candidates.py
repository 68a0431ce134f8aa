"""Pairs of images that look alike from afar, for `find_duplicates` to look at closely.

Each picture is described by the low frequencies of a window of it; windows of one picture are
held against the whole or the middle of another, so that crops and shifts meet as well. All
pairs are compared, block by block: nothing is left to an index that may miss neighbours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 64
"""Pictures are described from copies of this side."""
_FREQUENCIES = 12  # in each direction: down to a twelfth of the picture
_SHRINKAGE = 32.0  # a mean of fewer pictures than this says little of how chests look
_ROWS = 512  # of the block matrix: 45 MB for 21,165 images
_PARTNERS = 16
"""The look-alikes of a picture that are looked at closely. In 12,462 real films every confirmed
copy is among the nearest 5. It bounds time and memory: without it both grow with the square."""


class Window(NamedTuple):
    """A part of the picture: its side and left upper corner, as fractions of the picture."""

    size: float
    x: float
    y: float


class View(NamedTuple):
    """How two pictures are compared: a window of the one with a window of the other.

    `both` tells that (a, b) and (b, a) differ and are both looked at.
    """

    query: Window
    target: Window
    flipped: bool = False
    inverted: bool = False
    both: bool = False


@dataclass(frozen=True)
class Candidate:
    """Two rows that look alike from afar, and by which view.

    Attributes:
        query: Row of the picture whose window was taken.
        target: Row of the other picture.
        view: Which windows agreed.
        score: Cosine of the two descriptions, in [-1, 1].
    """

    query: int
    target: int
    view: View
    score: float


_WHOLE = Window(1.0, 0.0, 0.0)
_CROPS = [Window(0.92, x, y) for x in (0.0, 0.04, 0.08) for y in (0.0, 0.04, 0.08)]
_MIDDLE = _CROPS[4]
VIEWS = (
    View(_WHOLE, _WHOLE),
    *(View(window, _WHOLE, both=True) for window in _CROPS),
    *(View(window, _MIDDLE) for window in _CROPS if window != _MIDDLE),
    View(_WHOLE, _WHOLE, flipped=True),
    View(_MIDDLE, _WHOLE, flipped=True, both=True),
    View(_WHOLE, _WHOLE, inverted=True),
    View(_MIDDLE, _WHOLE, inverted=True, both=True),
)
"""The same frame; crops by some 8 %; shifts by some 4 %; mirrored and negative, each whole and
cropped."""


def find_candidates(
    small: NDArray[np.uint8], *, first: int | None = None, threshold: float
) -> list[Candidate]:
    """Returns the pairs of rows that look alike in some view, each with its best view.

    A picture is described in each window by its 12 x 12 lowest cosine frequencies (the DCT-II,
    without the mean; Ahmed et al. 1974), scaled to length 1, less their mean over all
    pictures, each divided by its deviation. So what all chests share does not count, nor do
    brightness and contrast. Every view costs a product of an (n, 143) matrix with itself.

    Args:
        small: (n, 64, 64) uint8, the pictures.
        first: None for pairs among all; else pairs of one of the first `first` rows with one
            of the others.
        threshold: The least cosine.

    Returns:
        The candidates, the most similar first. That two pictures look alike from afar does not
        make them copies: many chests do.
    """
    count = len(small)
    mean, deviation = _statistics(small)
    targets = {
        view.target: _describe(small, view.target, mean=mean, deviation=deviation) for view in VIEWS
    }
    nearest: list[dict[int, tuple[float, int]]] = [{} for _ in range(count)]
    for number, view in enumerate(VIEWS):
        for start in range(0, count, _ROWS):
            rows = slice(start, min(start + _ROWS, count))
            picture = turned(small[rows], view)
            queries = _describe(picture, view.query, mean=mean, deviation=deviation)
            for score, query, target in _above(
                queries, targets[view.target], start, both=view.both, first=first, least=threshold
            ):
                known = nearest[query]
                known[target] = max(known.get(target, (-2.0, 0)), (score, number))
                if len(known) > _PARTNERS:
                    del known[min(known, key=known.__getitem__)]
    return _best_of_each_pair(nearest)


def _best_of_each_pair(nearest: list[dict[int, tuple[float, int]]]) -> list[Candidate]:
    best: dict[tuple[int, int], tuple[float, int, int, int]] = {}
    for query, known in enumerate(nearest):
        for target, (score, number) in known.items():
            pair = (min(query, target), max(query, target))
            best[pair] = max(best.get(pair, (-2.0, 0, 0, 0)), (score, number, query, target))
    found = sorted(best.values(), key=lambda item: (-item[0], item[2:]))
    return [
        Candidate(query, target, VIEWS[number], score) for score, number, query, target in found
    ]


def turned(pictures: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Returns (..., height, width) uint8 pictures as a view's query shows them."""
    if view.inverted:
        pictures = 255 - pictures
    return np.ascontiguousarray(pictures[..., ::-1]) if view.flipped else pictures


def _above(
    queries: NDArray[np.float32],
    targets: NDArray[np.float32],
    start: int,
    *,
    both: bool,
    first: int | None,
    least: float,
) -> Iterator[tuple[float, int, int]]:
    """Yields (cosine, query row, target row) of what lies above `least` in a block of rows."""
    low = 0 if both else start
    cosines = queries @ targets[low:].T
    places, columns = np.divmod(np.flatnonzero(cosines > least), cosines.shape[1])
    query, target = places + start, columns + low
    keep = query != target if both else query < target
    if first is not None:
        keep &= (query < first) != (target < first)
    places, columns, query, target = (item[keep] for item in (places, columns, query, target))
    scores = cosines[places, columns]
    order = np.lexsort((-scores, query))
    rank = np.arange(len(order)) - np.searchsorted(query[order], query[order])
    for item in order[rank < _PARTNERS]:
        yield float(scores[item]), int(query[item]), int(target[item])


def _statistics(small: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns (143,) mean and deviation of the coefficients of whole pictures."""
    coefficients = _coefficients(small, _WHOLE)
    mean = coefficients.mean(0) * (len(small) / (len(small) + _SHRINKAGE))
    deviation = np.sqrt(((coefficients - mean) ** 2).mean(0))
    return mean, np.maximum(deviation, 1e-6)


def _describe(
    small: NDArray[np.uint8],
    window: Window,
    *,
    mean: NDArray[np.float32],
    deviation: NDArray[np.float32],
) -> NDArray[np.float32]:
    described = (_coefficients(small, window) - mean) / deviation
    return described / np.maximum(np.linalg.norm(described, axis=1, keepdims=True), 1e-6)


def _coefficients(small: NDArray[np.uint8], window: Window) -> NDArray[np.float32]:
    """Returns (n, 143) float32 DCT coefficients of a window, each row of length 1 (or 0)."""
    along_y = _basis(window.size, window.y)
    along_x = _basis(window.size, window.x)
    blocks = [
        np.matmul(along_y @ small[start : start + _ROWS].astype(np.float32), along_x.T)
        for start in range(0, len(small), _ROWS)
    ]
    flat = np.concatenate(blocks).reshape(len(small), -1)[:, 1:]
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _basis(size: float, corner: float) -> NDArray[np.float32]:
    """Returns (12, 64) float32: each pixel's share of each cosine over a window.

    Cosine k at the place t of the window (0 to 1) is cos(pi k t); a pixel's share is the
    integral over what the window holds of it, so that windows need not end at pixels.
    """
    edges = np.clip((np.arange(SIDE + 1) / SIDE - corner) / size, 0.0, 1.0)
    orders = np.arange(1, _FREQUENCIES)[:, np.newaxis]
    waves = np.sin(np.pi * orders * edges) / (np.pi * orders) * np.sqrt(2.0)
    return np.diff(np.vstack([edges, waves]), axis=1).astype(np.float32)
