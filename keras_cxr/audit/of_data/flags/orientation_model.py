"""How like a frontal chest film a picture is, and how it lies: linear discriminants.

The model is fitted to the folder itself. Its pictures, most of which are taken to be upright
frontal films, are turned and made negative, so that it knows the other orientations without a
single example. Drawn phantoms stand beside them, and alone where a folder is small.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr.audit.of_data.flags.features import ORIENTATIONS, SIDE, describe, oriented
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom
from keras_cxr.phantoms.oddities import draw_lateral, draw_other

Floats = NDArray[np.float64]

NUM_DRAWN = 200
"""Drawn pictures of each kind: 200 phantoms alone place 99 % of real films (docs/detectors.md)."""

NUM_OTHERS = 400
"""Drawn pictures that are no films: more, as they have less in common."""

SHRINKAGE = 0.1
"""Share of the identity in the correlations; of 0.02, 0.1 and 0.3 it errs least on real films."""

OTHERS_SHRINKAGE = 0.3
"""The same for what is no film, of which 200 pictures must do for 448 numbers."""

LATERAL = len(ORIENTATIONS)  # the number of the class behind the orientations


class Placement(NamedTuple):
    """Where pictures stand; see `OrientationModel.place`.

    Attributes:
        odds: (n, 9) float64, log-likelihood of each orientation and of a lateral, less that of
            the upright.
        oddness: (n, 3) float64, log of three distances: to the nearest orientation in all
            directions, to it in those directions that tell them apart, and to what is no film.
    """

    odds: Floats
    oddness: Floats


class OrientationModel:
    """Nine means with one covariance (Fisher 1936): the eight orientations and the lateral.

    What is no film has so little in common that it gets a covariance of its own.
    """

    def __init__(
        self, upright: NDArray[np.uint8], laterals: NDArray[np.uint8], others: NDArray[np.uint8]
    ) -> None:
        classes = [describe(oriented(upright, one)) for one in ORIENTATIONS]
        classes.append(describe(laterals))
        means = np.stack([values.mean(axis=0, dtype=np.float64) for values in classes])
        within = np.concatenate(
            [values - mean for values, mean in zip(classes, means, strict=True)]
        ).astype(np.float64)
        covariance = within.T @ within / len(within)
        self._scale = np.sqrt(np.diag(covariance)) + 1e-3
        scales = np.outer(self._scale, self._scale)
        self._whiten = _whitening(covariance / scales, SHRINKAGE)
        self._means = means / self._scale @ self._whiten
        self._centre = self._means.mean(axis=0)
        spread = (self._means - self._centre).T
        self._plane = np.linalg.svd(spread, full_matrices=False)[0][:, : len(means) - 1]
        strange = describe(others) / self._scale
        self._strange = strange.mean(axis=0, dtype=np.float64)
        self._whiten_strange = _whitening(np.cov(strange.T), OTHERS_SHRINKAGE)

    def place(self, features: NDArray[np.float32]) -> Placement:
        """Return where (n, 448) features stand.

        With z the whitened features and m_k the mean of class k, the log-likelihood of k less
        that of the upright is (|z - m_0|^2 - |z - m_k|^2) / 2. The first two distances are the
        least |z - m_k| over all classes, before and after projection on the span of the means.
        The third is Mahalanobis' from the mean of what is no film.
        """
        scaled = features / self._scale
        whitened = scaled @ self._whiten
        squares = _squares(whitened, self._means)
        flat = (whitened - self._centre) @ self._plane
        flat_squares = _squares(flat, (self._means - self._centre) @ self._plane)
        strange = _squares(
            (scaled - self._strange) @ self._whiten_strange, np.zeros((1, features.shape[1]))
        )
        distances = np.stack([squares.min(axis=1), flat_squares.min(axis=1), strange[:, 0]], axis=1)
        return Placement((squares[:, :1] - squares) / 2.0, np.log(distances) / 2.0)


@lru_cache(maxsize=1)
def drawn() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return 200 phantoms, 200 laterals and 400 others, (n, 64, 64) uint8; takes 3 s once."""
    phantoms = [
        draw_phantom(CLASS_NAMES[number % 4], number, image_size=SIDE, seed=2026).image
        for number in range(NUM_DRAWN)
    ]
    rng = np.random.Generator(np.random.PCG64(2026))
    laterals = [draw_lateral(rng) for _ in range(NUM_DRAWN)]
    others = [draw_other(rng) for _ in range(NUM_OTHERS)]
    return np.stack(phantoms), np.stack(laterals), np.stack(others)


def _whitening(covariance: Floats, shrinkage: float) -> Floats:
    """Return W with W W' the inverse of the covariance, drawn towards a sphere of its size."""
    from sklearn.covariance import shrunk_covariance

    shrunk = shrunk_covariance(covariance, shrinkage)
    return np.linalg.cholesky(np.linalg.inv(shrunk))


def _squares(values: Floats, means: Floats) -> Floats:
    """Return (n, k) squared distances."""
    cross = values @ means.T
    squares = (values**2).sum(axis=1)[:, None] + (means**2).sum(axis=1) - 2.0 * cross
    return np.maximum(squares, 1e-12)
