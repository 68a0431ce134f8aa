"""How much of a score above guessing is left on other pictures of the same images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_cxr.statistics.intervals.bootstrap import accuracy_estimates
from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.limits import Floats
from keras_cxr.statistics.intervals.resampling import FEWEST, group_codes, group_sums, resample
from keras_cxr.statistics.intervals.shares import mean_where


def kept_above_chance(
    labels: NDArray[np.int64],
    whole: NDArray[np.int64],
    other: NDArray[np.int64],
    *,
    groups: Sequence[Any] | ArrayLike | None = None,
    seed: int = 0,
) -> Estimate:
    """Return the share of a score above chance that is left, with its 95 % interval.

    (b' - c) / (b - c), with b the balanced accuracy of `whole`, b' that of `other` and c = 1 / k
    what guessing among the k classes that occur reaches. 0: no better than guessing. 1: as good
    as before. Both are resampled together, group by group, since they are of the same images.
    Not defined (NaN) where the lower limit of b does not lie above c: of nothing, no share is
    left. Where the two differ in no more than 9 groups, resamples know too little of how they may
    differ, and the limits of two independent scores (MOVER-R, Donner & Zou 2012) are taken where
    they reach further.

    Args:
        labels: `(images,)` whole numbers from 0: the real classes.
        whole: `(images,)` the classes predicted on the images as they are.
        other: `(images,)` those predicted on the same images, shown otherwise.
        groups: `(images,)` patients or groups of copies; `""` or `None` for an image alone.
        seed: of the draws.
    """
    occurring = np.unique(labels)
    chance = 1 / len(occurring)
    before, after = (
        accuracy_estimates(labels, predicted, groups=groups, seed=seed)[1]
        for predicted in (whole, other)
    )
    if not before.low > chance:
        return Estimate(np.nan, np.nan, np.nan, "none")
    codes, count = group_codes(groups, len(labels)), len(occurring)
    is_real = (labels[:, np.newaxis] == occurring).astype(np.float64)
    right = [predicted == labels for predicted in (whole, other)]
    totals = np.hstack([is_real, *(is_real * one[:, np.newaxis] for one in right)])
    sums = resample(group_sums(totals, codes), seed=seed)
    value, limits = sums.estimate(lambda x: _kept(x, count))
    found = Estimate.of(value[0], limits[0])
    if len(np.unique(codes[right[0] != right[1]])) >= FEWEST and np.isfinite(limits).all():
        return found
    low, high = _ratio_limits(after, before, chance)
    low, high = float(np.fmin(low, found.low)), float(np.fmax(high, found.high))
    return Estimate(found.value, low, high, "wider")


def _ratio_limits(top: Estimate, bottom: Estimate, chance: float) -> tuple[float, float]:
    """Limits of (top - chance) / (bottom - chance), as if the two were independent."""
    one, two = top.value - chance, bottom.value - chance
    limits = []
    for sign, near, far in (
        (-1, top.low - chance, bottom.high - chance),
        (1, top.high - chance, bottom.low - chance),
    ):
        inner = (one * two) ** 2 - near * far * (2 * one - near) * (2 * two - far)
        limits.append((one * two + sign * np.sqrt(max(inner, 0))) / (far * (2 * two - far)))
    return limits[0], limits[1]


def _kept(sums: Floats, count: int) -> Floats:
    among, before, after = np.split(sums, [count, 2 * count], axis=-1)
    occurs = among > 0
    chance = 1 / occurs.sum(axis=-1)
    above = [mean_where(occurs, hits / among) - chance for hits in (before, after)]
    return np.asarray(above[1] / above[0])[..., np.newaxis]
