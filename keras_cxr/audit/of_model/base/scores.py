"""Scores with intervals by group, and how much of a score is left on other pictures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.audit.of_model.base.predictions import Predictions
from keras_cxr.statistics.intervals.bootstrap import accuracy_estimates, bootstrap_intervals
from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.limits import Floats
from keras_cxr.statistics.intervals.means import mean_estimates
from keras_cxr.statistics.intervals.resampling import FEWEST, group_codes, group_sums, resample
from keras_cxr.statistics.intervals.scores import BootstrapIntervals
from keras_cxr.statistics.intervals.shares import share_estimates


def score_of(predictions: Predictions) -> BootstrapIntervals:
    """Return accuracy, balanced accuracy and the classes' recalls with 95 % intervals.

    Groups are resampled, not images; see `bootstrap_intervals`. The draws are always the same, so
    that the same predictions have the same limits wherever they are shown, `evaluate` included.
    """
    return bootstrap_intervals(
        predictions.labels,
        predictions.probabilities,
        groups=predictions.groups,
        class_names=predictions.class_names,
    )


def kept_share(whole: Predictions, other: Predictions, *, seed: int = 0) -> Estimate:
    """Return the share of a score above chance that is left, with its 95 % interval.

    (b' - c) / (b - c), with b the balanced accuracy of `whole`, b' that of `other` and c = 1 / k
    what guessing among the k classes that occur reaches. 0: no better than guessing. 1: as good
    as before. Both are resampled together, group by group, since they are of the same images.
    Not defined (NaN) where the lower limit of b does not lie above c: of nothing, no share is
    left. Where the two differ in no more than 9 groups, resamples know too little of how they may
    differ, and the limits of two independent scores (MOVER-R, Donner & Zou 2012) are taken where
    they reach further.

    Args:
        whole: Predictions on the images as they are.
        other: Predictions on the same images in the same order, shown otherwise.
        seed: Of the draws.
    """
    chance = chance_of(whole)
    before, after = (
        accuracy_estimates(whole.labels, of.predicted, groups=whole.groups, seed=seed)[1]
        for of in (whole, other)
    )
    if not before.low > chance:
        return Estimate(np.nan, np.nan, np.nan, "none")
    count, codes = whole.probabilities.shape[1], group_codes(whole.groups, len(whole.labels))
    is_real = np.eye(count)[whole.labels]
    hits = [is_real * np.eye(count)[one.predicted] for one in (whole, other)]
    totals = group_sums(np.hstack([is_real, *hits]), codes)
    value, limits = resample(totals, seed=seed).estimate(lambda sums: _kept(sums, count))
    found = Estimate.of(value[0], limits[0])
    right = [one.predicted == whole.labels for one in (whole, other)]
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
    above = [_mean_recall(hits, among, occurs) - chance for hits in (before, after)]
    return (above[1] / above[0])[..., np.newaxis]


def _mean_recall(hits: Floats, among: Floats, occurs: NDArray[np.bool_]) -> Any:
    recall = np.divide(hits, among, out=np.zeros_like(hits), where=occurs)
    return recall.sum(axis=-1) / occurs.sum(axis=-1)


def chance_of(predictions: Predictions) -> float:
    """Return the balanced accuracy of guessing: 1 / the number of classes that occur."""
    return 1 / len(np.unique(predictions.labels))


def in_words(estimate: Estimate, digits: int = 2) -> str:
    """Return "0.72 [0.70, 0.74]", the number alone where it has no interval, a dash for none."""
    return estimate.text(digits)


def interval_of(estimate: Estimate) -> tuple[float, float] | None:
    """Return the limits, None where there are none."""
    return estimate.interval if np.isfinite(estimate.interval).all() else None


def mean_of(
    values: NDArray[Any], groups: NDArray[Any], *, share: bool = False, seed: int = 0
) -> Estimate:
    """Return the mean of (n,) numbers with its 95 % interval, groups resampled whole.

    Args:
        values: The numbers.
        groups: (n,) str, the group of each; "" for one that stands alone.
        share: Whether they are 0 and 1, so that the interval may be Wilson's where too few groups
            hold one of the two.
        seed: Of the draws.
    """
    codes = group_codes(groups, len(values))
    if share:
        counts = np.ones((len(values), 1))
        sums = (group_sums(column, codes) for column in (values[:, np.newaxis], counts))
        return share_estimates(*sums, seed=seed)[0]
    return mean_estimates(values[:, np.newaxis], codes, seed=seed)[0]
