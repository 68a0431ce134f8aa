"""Pairs of images that look alike from afar, for `find_duplicates` to look at closely."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.duplicates.cells import Cells, Pairs, pairs_above
from keras_cxr.data.duplicates.views import Frame, View, views_by_target

MAX_EXHAUSTIVE = 50_000
"""All pairs of so many pictures are compared; among more an index chooses."""
_ROWS = 512  # of the block matrix: 100 MB for 50,000 images
_PARTNERS = 16
"""The look-alikes of a picture that are looked at closely. In 12,462 real films every confirmed
copy is among the nearest 5. It bounds time and memory: without it both grow with the square."""
_NOTHING = -2.0  # below every cosine
CANDIDATE = np.dtype([("query", "i4"), ("target", "i4"), ("view", "i4"), ("score", "f4")])


def find_candidates(
    small: NDArray[np.uint8],
    *,
    first: int | None = None,
    threshold: float,
    max_exhaustive: int = MAX_EXHAUSTIVE,
) -> NDArray[np.void]:
    """Returns the pairs of rows that look alike in some view, each with its best view.

    Up to `max_exhaustive` pictures all pairs are compared: every view costs a product of an
    (n, 143) matrix with itself, block by block. Among more each picture is compared with those
    in the 48 of some 4 sqrt(n) cells that are nearest to it, which loses few (`docs/data.md`
    has the figures).

    Args:
        small: (n, 64, 64) uint8, the pictures.
        first: None for pairs among all; else pairs of one of the first `first` rows with one
            of the others.
        threshold: The least cosine.
        max_exhaustive: See above.

    Returns:
        (m,) records, the most similar first: `query`, the row of the picture whose window was
        taken, `target`, the row of the other, `view`, the place in `VIEWS` of the one in which
        they agree best, and `score`, the cosine in [-1, 1]. That two pictures look alike from
        afar does not make them copies: many chests do.
    """
    nearest = _Nearest(len(small))
    for window, views in views_by_target().items():
        frame = Frame(small, window)
        cells = Cells(frame.targets) if len(small) > max_exhaustive else None
        for number, view in views:
            found = (
                _all_pairs(frame, view, threshold)
                if cells is None
                else cells.above(frame.queries(view), threshold)
            )
            for query, target, score in found:
                keep = query != target
                if first is not None:
                    keep &= (query < first) != (target < first)
                nearest.add(query[keep], target[keep], score[keep], number)
    return nearest.pairs()


def _all_pairs(frame: Frame, view: View, least: float) -> Iterator[Pairs]:
    """Yields (query rows, target rows, cosines) above a cosine, block by block."""
    for start in range(0, len(frame.targets), _ROWS):
        queries = frame.queries(view, slice(start, start + _ROWS))
        query, target, score = pairs_above(queries, frame.targets, least)
        yield query + start, target, score


class _Nearest:
    """The best look-alikes of each row so far, at most `_PARTNERS`."""

    def __init__(self, count: int) -> None:
        self._known = np.zeros((count, _PARTNERS), CANDIDATE)
        self._known["score"] = _NOTHING

    def add(
        self,
        query: NDArray[np.intp],
        target: NDArray[np.intp],
        score: NDArray[np.float32],
        view: int,
    ) -> None:
        """Takes in pairs that look alike in a view."""
        new = np.empty(len(query), CANDIDATE)
        new["query"], new["target"], new["view"], new["score"] = query, target, view, score
        found = np.concatenate([self._of(np.unique(query)), new])
        found = _best_views(found, found["query"], found["target"])
        found = found[np.lexsort((found["target"], -found["score"], found["query"]))]
        rank = np.arange(len(found)) - np.searchsorted(found["query"], found["query"])
        best = rank < _PARTNERS
        self._known[found["query"][best], rank[best]] = found[best]

    def pairs(self) -> NDArray[np.void]:
        """Returns each pair once with its best view, the most similar first."""
        found = self._of(slice(None))
        rows = np.stack([found["query"], found["target"]])
        found = _best_views(found, rows.min(0), rows.max(0))
        return found[np.lexsort((found["target"], found["query"], -found["score"]))]

    def _of(self, rows: NDArray[np.intp] | slice) -> NDArray[np.void]:
        known = self._known[rows]
        return known[known["score"] > _NOTHING]


def _best_views(
    found: NDArray[np.void], one: NDArray[np.int32], other: NDArray[np.int32]
) -> NDArray[np.void]:
    """Returns of all records with the same (one, other) the one with the best score."""
    order = np.lexsort((found["view"], -found["score"], other, one))
    one, other = one[order], other[order]
    begins = np.append(True, (np.diff(one) != 0) | (np.diff(other) != 0))[: len(order)]
    return found[order[begins]]
