"""What calibration error chance alone gives a model whose probabilities are right."""

import numpy as np
from numpy.typing import NDArray

from keras_cxr.statistics.intervals.limits import Floats
from keras_cxr.statistics.intervals.resampling import group_sums
from keras_cxr.statistics.intervals.shares import outweighed

NUM_DRAWS = 500  # a mean and a 95 % quantile need fewer than an interval
_CHUNK = 20  # draws at a time: 20 x 21,165 images x 8 bytes are 3 MB


def errors_by_chance(
    probabilities: Floats,
    came_true: Floats,
    binned: list[NDArray[np.int64]],
    codes: NDArray[np.int64],
    *,
    seed: int,
) -> tuple[Floats, Floats]:
    """Return the ECE `(columns,)` of each column, and what it is by chance, `(draws, columns)`.

    Were the probabilities right, answers would come true as often as they say: consistency
    resampling (Broecker & Smith 2007). That holds for images that are alone however few there
    are. Images of a group come true together: each takes part in one draw for the whole group
    with the chance sqrt(r), so that two of a group do with the chance r, and each still comes
    true exactly as often as it says. r is what the data show (`likeness`).

    Args:
        probabilities: `(images, columns)` in [0, 1].
        came_true: `(images, columns)` 0 or 1.
        binned: for each column the bin of each image, `(images,)` from 0 without gaps.
        codes: `(images,)` the group of each image.
        seed: of the draws.
    """
    count, together = len(codes), np.sqrt(likeness(probabilities, came_true, codes))
    orders = [np.argsort(bins, kind="stable") for bins in binned]
    starts = [
        np.flatnonzero(np.diff(b[o], prepend=-1)) for b, o in zip(binned, orders, strict=True)
    ]

    def error(column: int, residuals: Floats) -> Floats:
        sums = np.add.reduceat(residuals[..., orders[column]], starts[column], axis=-1)
        return np.abs(sums).sum(axis=-1) / count

    rng, columns = np.random.default_rng(seed), range(len(binned))
    found = np.array([error(i, probabilities[:, i] - came_true[:, i]) for i in columns])
    chance = np.empty((NUM_DRAWS, len(binned)))
    for start in range(0, NUM_DRAWS, _CHUNK):
        own, joins = rng.random((2, _CHUNK, count))
        of_group = rng.random((_CHUNK, codes.max() + 1))[:, codes]
        for i in columns:
            drawn = np.where(joins < together[i], of_group, own) < probabilities[:, i]
            chance[start : start + _CHUNK, i] = error(i, probabilities[:, i] - drawn)
    return found, chance


def likeness(probabilities: Floats, came_true: Floats, codes: NDArray[np.int64]) -> Floats:
    """Return how alike the images of a group come true, `(columns,)` in [0, 1]; 1 for copies.

    The sum of e_i e_j over all pairs of a group, e being the residuals (probability minus what
    came true, their mean taken out), divided by what one draw for both would give: the sum of
    min(p_i, p_j) - p_i p_j. One standard error, from the groups, is added: with few groups it
    would come out too low as often as too high. Where one group outweighs the others it is 1,
    since one group cannot tell.

    Args:
        probabilities: `(images, columns)` in [0, 1].
        came_true: `(images, columns)` 0 or 1.
        codes: `(images,)` the group of each image.
    """
    residuals = probabilities - came_true
    residuals = residuals - residuals.mean(axis=0)
    sizes = group_sums(np.ones((len(codes), 1)), codes)
    if sizes.max() == 1:
        return np.zeros(probabilities.shape[1])
    if outweighed(sizes)[0]:
        return np.ones(probabilities.shape[1])
    sums = group_sums(residuals, codes)
    # the mean that was taken out holds a share of each group's own
    pairs = sums**2 - group_sums(residuals**2, codes)
    pairs += sizes * (sizes - 1) * (sums**2).sum(axis=0) / len(codes) ** 2
    scale = _joint_pairs(probabilities, codes) - (
        group_sums(probabilities, codes) ** 2 - group_sums(probabilities**2, codes)
    )
    scale = np.maximum(scale, 1e-12)
    found = pairs.sum(axis=0) / scale.sum(axis=0)
    error = np.sqrt(((pairs - found * scale) ** 2).sum(axis=0)) / scale.sum(axis=0)
    return np.asarray(np.clip(found + error, 0, 1))


def _joint_pairs(probabilities: Floats, codes: NDArray[np.int64]) -> Floats:
    """Return the sums `(groups, columns)` of min(p_i, p_j) over all ordered pairs of a group."""
    found = np.empty((codes.max() + 1, probabilities.shape[1]))
    sizes = np.bincount(codes)
    for i, column in enumerate(probabilities.T):
        order = np.lexsort((column, codes))
        place = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        larger = np.repeat(sizes, sizes) - 1 - place  # images of the group with a larger one
        found[:, i] = 2 * np.bincount(codes[order], column[order] * larger)
    return found
