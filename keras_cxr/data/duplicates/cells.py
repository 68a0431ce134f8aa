"""An index for many pictures: only those in the same corner of the space are compared."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from keras_cxr._support.threads import in_threads

PROBES = 48
"""Cells that a query looks into."""
_CELLS = 4.0  # times the root of the number of rows
_LEARNED_FROM = 50  # rows for each cell
_ROUNDS = 8
_ROWS = 4096
_CHUNK = 16  # cells that a thread takes at once

Pairs = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]


def pairs_above(queries: NDArray[np.float32], rows: NDArray[np.float32], least: float) -> Pairs:
    """Returns (places of queries, places of rows, cosines) of what lies above a cosine."""
    cosines = queries @ rows.T
    places, columns = np.divmod(np.flatnonzero(cosines > least), len(rows) or 1)
    return places, columns, cosines[places, columns]


class Cells:
    """Unit vectors sorted into the cells of a k-means (an inverted file; Jégou et al. 2011).

    All queries that look into a cell are multiplied with all that lies in it at once, so that
    every pair above a cosine is seen, however many there are; an index that answers with the k
    nearest, as those of faiss and hnswlib, would have to be asked again where a query's own
    side fills its answer.

    Args:
        rows: (n, d) float32, each of length 1.
    """

    def __init__(self, rows: NDArray[np.float32]) -> None:
        count = min(len(rows), round(_CELLS * len(rows) ** 0.5))
        rng = np.random.default_rng(0)
        sample = rows[np.sort(rng.permutation(len(rows))[: count * _LEARNED_FROM])]
        kmeans = KMeans(count, init="random", n_init=1, max_iter=_ROUNDS, random_state=0)
        self._centres = kmeans.fit(sample).cluster_centers_.astype(np.float32)
        cell = self._nearest(rows, 1)[:, 0]
        self._order = np.argsort(cell, kind="stable")
        self._bounds = np.searchsorted(cell[self._order], np.arange(count + 1))
        self._rows = rows[self._order]

    def above(self, queries: NDArray[np.float32], least: float) -> Iterator[Pairs]:
        """Yields (places of queries, rows, cosines) of what lies above a cosine, cell by cell."""
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
        """Returns (n, count): the cells whose centres are nearest, in no order."""
        count = min(count, len(self._centres))
        half_squares = (self._centres**2).sum(1) / 2
        found = np.empty((len(rows), count), np.int16)
        for start in range(0, len(rows), _ROWS):
            block = slice(start, start + _ROWS)
            nearness = rows[block] @ self._centres.T - half_squares
            found[block] = np.argpartition(-nearness, count - 1, axis=1)[:, :count]
        return found
