"""Means over images with their intervals: of losses, of confidence, of measures of heat maps."""

import numpy as np
from numpy.typing import NDArray

from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.limits import Floats, expanded_limits
from keras_cxr.statistics.intervals.resampling import (
    NUM_RESAMPLES,
    Sums,
    group_codes,
    group_sums,
    resample,
)


def mean_estimates(
    values: Floats,
    codes: NDArray[np.int64],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> list[Estimate]:
    """Return the mean of each column with its 95 % BCa interval, groups resampled whole.

    Args:
        values: `(images, columns)`.
        codes: `(images,)` the group of each image, from `group_codes`.
        num_resamples: how often groups are drawn.
        seed: of the draws.
    """
    sums = _resampled(values, codes, num_resamples=num_resamples, seed=seed)
    means, limits = sums.estimate(_means)
    return [Estimate.of(mean, pair) for mean, pair in zip(means, limits, strict=True)]


def mean_of_few(values: Floats, *, confidence: float = 0.95, seed: int = 0) -> Estimate:
    """Return the mean of some images' values with its expanded percentile interval, NaN left out.

    Of a few dozen images or fewer the limits of `expanded_limits` hold the truth more often than
    BCa's (`benchmarks/coverage.py`). The interval speaks of further images of the same kind,
    taken as independent; below two values there is none.

    Args:
        values: `(images,)`, NaN where an image has none.
        confidence: of the interval, in (0, 1).
        seed: of the draws.
    """
    known = values[~np.isnan(values)]
    count, mean = len(known), float(known.mean()) if len(known) else float("nan")
    if count < 2:
        return Estimate(mean, float("nan"), float("nan"), "none", count)
    sums = _resampled(known[:, np.newaxis], group_codes(None, count), seed=seed)
    low, high = expanded_limits(_means(sums.resampled), count, confidence)[0]
    return Estimate(mean, float(low), float(high), "expanded", count)


def _resampled(
    values: Floats, codes: NDArray[np.int64], *, num_resamples: int = NUM_RESAMPLES, seed: int
) -> Sums:
    totals = group_sums(np.column_stack([values, np.ones(len(values))]), codes)
    return resample(totals, num_resamples=num_resamples, seed=seed)


def _means(sums: Floats) -> Floats:
    return np.asarray(sums[..., :-1] / sums[..., -1:])
