"""Pairs of images that look alike from afar, for `find_duplicates` to look at closely."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from keras_cxr._support.threads import in_threads
from keras_cxr.data.duplicates.windows import Framing, TargetWindow, framings_by_target

MAX_EXHAUSTIVE = 50_000
"""All pairs of so many pictures are compared; among more an index chooses."""
_ROWS = 512  # of the block matrix: 100 MB for 50,000 images
_PARTNERS = 16
"""The look-alikes of a picture that are looked at closely. In 12,462 real films every confirmed
copy is among the nearest 5. It bounds time and memory: without it both grow with the square."""
_NOTHING = -2.0  # below every cosine
# of the index for many pictures
PROBES = 48
"""Cells that a query looks into."""
_CELLS = 4.0  # times the root of the number of rows
_LEARNED_FROM = 50  # rows for each cell
_ROUNDS = 8
_ROWS_AT_ONCE = 4096
_CHUNK = 8  # cells that a thread takes at once

Pairs = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]
CANDIDATE = np.dtype([("query", "i4"), ("target", "i4"), ("framing", "i4"), ("score", "f4")])


def find_candidates(
    small: NDArray[np.uint8],
    *,
    first: int | None = None,
    threshold: float,
    max_exhaustive: int = MAX_EXHAUSTIVE,
) -> NDArray[np.void]:
    """Return the pairs of rows that look alike in some framing, each with its best framing.

    Up to `max_exhaustive` pictures all pairs are compared: every framing costs a product of an
    (n, 143) matrix with itself, block by block. Among more each picture is compared with those
    in the 48 of some 4 sqrt(n) cells that are nearest to it, which loses few (`docs/data.md`
    has the figures).

    Args:
        small: (n, 64, 64) uint8, the pictures.
        first: None for pairs among all; else pairs of one of the first `first` rows with one
            of the others.
        threshold: the least cosine.
        max_exhaustive: see above.

    Returns:
        (m,) records, the most similar first: `query`, the row of the picture whose window was
        taken, `target`, the row of the other, `framing`, the place in `FRAMINGS` of the one in
        which they agree best, and `score`, the cosine in [-1, 1]. That two pictures look alike from
        afar does not make them copies: many chests do.
    """
    nearest = _Nearest(len(small))
    for window, framings in framings_by_target().items():
        described = TargetWindow(small, window)
        cells = Cells(described.targets) if len(small) > max_exhaustive else None
        for number, framing in framings:
            found = (
                _all_pairs(described, framing, threshold)
                if cells is None
                else cells.above(described.queries(framing), threshold)
            )
            for query, target, score in found:
                keep = query != target
                if first is not None:
                    keep &= (query < first) != (target < first)
                nearest.add(query[keep], target[keep], score[keep], number)
    return nearest.pairs()


def _all_pairs(described: TargetWindow, framing: Framing, least: float) -> Iterator[Pairs]:
    """Yield (query rows, target rows, cosines) above a cosine, block by block."""
    for start in range(0, len(described.targets), _ROWS):
        queries = described.queries(framing, slice(start, start + _ROWS))
        query, target, score = pairs_above(queries, described.targets, least)
        yield query + start, target, score


def pairs_above(queries: NDArray[np.float32], rows: NDArray[np.float32], least: float) -> Pairs:
    """Return (places of queries, places of rows, cosines) of what lies above a cosine."""
    cosines = queries @ rows.T
    places, columns = np.divmod(np.flatnonzero(cosines > least), len(rows) or 1)
    return places, columns, cosines[places, columns]


class Cells:
    """Unit vectors sorted into the cells of a k-means (an inverted file; Jégou et al. 2011).

    All queries that look into a cell are multiplied with all that lies in it at once, so that
    every pair above a cosine in the cells is seen, however many there are. So does `range_search`
    of faiss's `IndexIVFFlat`, which would be one more dependency for these lines; a search for the
    k nearest, hnswlib's only one, had to be asked again where a query's own side fills its answer.

    Args:
        rows: (n, d) float32, each of length 1.
    """

    def __init__(self, rows: NDArray[np.float32]) -> None:
        count = min(len(rows), round(_CELLS * len(rows) ** 0.5))
        rng = np.random.default_rng(0)
        sample = rows[np.sort(rng.permutation(len(rows))[: count * _LEARNED_FROM])]
        from sklearn.cluster import KMeans  # a second, which only long searches take

        kmeans = KMeans(count, init="random", n_init=1, max_iter=_ROUNDS, random_state=0)
        self._centres = kmeans.fit(sample).cluster_centers_.astype(np.float32)
        cell = self._nearest(rows, 1)[:, 0]
        self._order = np.argsort(cell, kind="stable")
        self._bounds = np.searchsorted(cell[self._order], np.arange(count + 1))
        self._rows = rows[self._order]

    def above(self, queries: NDArray[np.float32], least: float) -> Iterator[Pairs]:
        """Yield (places of queries, rows, cosines) of what lies above a cosine, cell by cell."""
        probed = self._nearest(queries, PROBES)
        order = np.argsort(probed, axis=None, kind="stable")
        bounds = np.searchsorted(probed.ravel()[order], np.arange(len(self._centres) + 1))

        def look(cell: int) -> Pairs:
            asking = order[bounds[cell] : bounds[cell + 1]] // probed.shape[1]
            inside = slice(self._bounds[cell], self._bounds[cell + 1])
            places, columns, cosines = pairs_above(queries[asking], self._rows[inside], least)
            return asking[places], self._order[inside][columns], cosines

        # a product is small: several at once are faster than several threads for each
        with threadpool_limits(1):
            yield from in_threads(look, range(len(self._centres)), chunk=_CHUNK)

    def _nearest(self, rows: NDArray[np.float32], count: int) -> NDArray[np.int16]:
        """Return (n, count): the cells whose centres are nearest, in no order."""
        count = min(count, len(self._centres))
        half_squares = (self._centres**2).sum(1) / 2
        found = np.empty((len(rows), count), np.int16)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            block = slice(start, start + _ROWS_AT_ONCE)
            nearness = rows[block] @ self._centres.T - half_squares
            found[block] = np.argpartition(-nearness, count - 1, axis=1)[:, :count]
        return found


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
        framing: int,
    ) -> None:
        """Take in pairs that look alike in a framing."""
        new = np.empty(len(query), CANDIDATE)
        new["query"], new["target"], new["framing"], new["score"] = query, target, framing, score
        found = np.concatenate([self._of(np.unique(query)), new])
        found = _best_framings(found, found["query"], found["target"])
        found = found[np.lexsort((found["target"], -found["score"], found["query"]))]
        rank = np.arange(len(found)) - np.searchsorted(found["query"], found["query"])
        best = rank < _PARTNERS
        self._known[found["query"][best], rank[best]] = found[best]

    def pairs(self) -> NDArray[np.void]:
        """Return each pair once with its best framing, the most similar first."""
        found = self._of(slice(None))
        rows = np.stack([found["query"], found["target"]])
        found = _best_framings(found, rows.min(0), rows.max(0))
        return found[np.lexsort((found["target"], found["query"], -found["score"]))]

    def _of(self, rows: NDArray[np.intp] | slice) -> NDArray[np.void]:
        known = self._known[rows]
        return known[known["score"] > _NOTHING]


def _best_framings(
    found: NDArray[np.void], one: NDArray[np.int32], other: NDArray[np.int32]
) -> NDArray[np.void]:
    """Return of all records with the same (one, other) the one with the best score."""
    order = np.lexsort((found["framing"], -found["score"], other, one))
    one, other = one[order], other[order]
    begins = np.append(True, (np.diff(one) != 0) | (np.diff(other) != 0))[: len(order)]
    return found[order[begins]]
