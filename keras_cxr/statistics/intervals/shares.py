"""Limits of shares, such as recalls, and of means of shares, where images come in groups."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.limits import Floats, wilson_limits
from keras_cxr.statistics.intervals.resampling import (
    FEWEST,
    NUM_RESAMPLES,
    check_num_resamples,
    resample,
)

OUTWEIGHS = 0.1
"""Of the sum of the groups' squared sizes: from there on the largest group alone makes more than
a tenth of the variance that groups of copies would have, and resampling, which draws it once or
twice or not at all, knows too little of it (`benchmarks/coverage.py`)."""


def share_estimates(
    right: Floats, among: Floats, *, num_resamples: int = NUM_RESAMPLES, seed: int = 0
) -> list[Estimate]:
    """Return shares with the limits of `share_limits`.

    Args:
        right: `(groups, shares)` cases of each group.
        among: `(groups, shares)` what they are a share of.
        num_resamples: how often groups are drawn.
        seed: of the draws.
    """
    return resampled_shares(right, among, ratios, num_resamples=num_resamples, seed=seed)[0]


def resampled_shares(
    right: Floats,
    among: Floats,
    statistic: Callable[[Floats], Floats],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> tuple[list[Estimate], Floats, Floats]:
    """Return shares with the limits of `share_limits`, and what else is computed from their sums.

    Args:
        right: `(groups, shares)` cases of each group.
        among: `(groups, shares)` what they are a share of.
        statistic: from sums `(..., 2 * shares)`, cases before what they are a share of, to
            `(..., statistics)`: the shares first, then others such as their mean.
        num_resamples: how often groups are drawn.
        seed: of the draws.

    Returns:
        The shares, the others `(others,)` and their BCa limits `(others, 2)`, NaN where each image
        is alone.
    """
    check_num_resamples(num_resamples)
    totals, count = np.hstack([right, among]), right.shape[1]
    if all_alone(among):
        values = statistic(totals.sum(axis=0))
        resampled = np.full((len(values), 2), np.nan)
    else:
        sums = resample(totals, num_resamples=num_resamples, seed=seed)
        values, resampled = sums.estimate(statistic)
    limits, methods = share_limits(right, among, resampled[:count])
    found = zip(values[:count], limits, methods, strict=True)
    return [Estimate.of(*one) for one in found], values[count:], resampled[count:]


def share_limits(right: Floats, among: Floats, resampled: Floats) -> tuple[Floats, list[str]]:
    """Return 95 % limits `(shares, 2)` of each share, and the method that they come from.

    - "wilson" where nothing was resampled, such as images that are all alone.
    - "wilson" where fewer than 10 groups hold a case, or fewer than 10 its opposite: resamples
      repeat the same few cases, down to an interval of no width. It counts each group as one
      image, groups of different sizes as n = (sum w)^2 / sum w^2 of them (Kish 1965), w being
      their sizes: rather too wide than too narrow.
    - "wider", of Wilson's and the resampled, where one group outweighs the others.
    - "bca" elsewhere: the resampled.

    Args:
        right: `(groups, shares)` cases of each group.
        among: `(groups, shares)` what they are a share of.
        resampled: `(shares, 2)` BCa limits; NaN where there are none.
    """
    share = ratios(np.hstack([right, among]).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        count = among.sum(axis=0) ** 2 / (among**2).sum(axis=0)
    wilson = wilson_limits(share, count)
    rarer = np.minimum((right > 0).sum(axis=0), (among > right).sum(axis=0))
    few = (rarer < FEWEST) | ~np.isfinite(resampled).all(axis=1)
    wide = outweighed(among) & ~few
    limits = np.where(few[:, None], wilson, resampled)
    outer = np.stack([np.minimum(wilson, limits)[:, 0], np.maximum(wilson, limits)[:, 1]], axis=1)
    limits = np.where(wide[:, None], outer, limits)
    return limits, ["wilson" if few[i] else "wider" if wide[i] else "bca" for i in range(len(few))]


def all_alone(among: Floats) -> bool:
    """Return whether no group has two images, from `(groups, shares)` counts."""
    return bool((among <= 1).all())


def outweighed(among: Floats) -> NDArray[np.bool_]:
    """Return of each share whether one group outweighs the others, `(shares,)`; see `OUTWEIGHS`."""
    squares = among**2
    return np.asarray(squares.max(axis=0) > OUTWEIGHS * squares.sum(axis=0))


def ratios(sums: Floats) -> Floats:
    """Return cases divided by what they are a share of: `(..., shares)` of `(..., 2 * shares)`."""
    right, among = np.split(sums, 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return right / among


def f1_of(jaccard: Any) -> Any:
    """Return F1 from J, the share of right answers among images of the class or called so."""
    return 2 * jaccard / (1 + jaccard)


def f1_estimate(jaccard: Estimate) -> Estimate:
    """Return F1 with its limits from those of J."""
    low, high = f1_of(jaccard.low), f1_of(jaccard.high)
    return Estimate(f1_of(jaccard.value), low, high, jaccard.method)


def mean_where(known: NDArray[np.bool_], values: Floats) -> Floats:
    """Return means over the last axis, of the values that are known; NaN where none is.

    Args:
        known: `(..., shares)`.
        values: `(..., shares)`, of any value where they are not known.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(axis=-1) / known.sum(axis=-1))


def mean_of_shares(
    shares: list[Estimate], among: Floats, value: float, resampled: Floats
) -> Estimate:
    """Return the mean of shares, such as recalls: resampled where all are, else square and add.

    Square and add is too short near 0 and 1, where the shares' limits lie to one side: for two
    classes of 30 images, told with 0.98 each, it holds the truth in 0.90 of all test sets. Where
    Wilson's interval of the mean itself reaches further (n = 1 / sum w^2, w being the groups'
    weights in the mean), it is taken: 0.97.

    Args:
        shares: those that are defined.
        among: `(groups, shares)` what they are a share of.
        value: their mean.
        resampled: its `(2,)` BCa limits.
    """
    if {share.method for share in shares} == {"bca"}:
        return Estimate.of(value, resampled)
    values, intervals = zip(*((share.value, share.interval) for share in shares), strict=True)
    low, high = mean_interval(np.array(values), np.array(intervals), group_likeness(among))
    weights = (among / among.sum(axis=0)).mean(axis=1)
    wilson = wilson_limits(np.asarray(value), 1 / np.sum(weights**2))
    return Estimate(
        float(value), min(low, float(wilson[0])), max(high, float(wilson[1])), "square and add"
    )


def mean_interval(
    values: Floats, intervals: Floats, likeness: Floats | None = None
) -> tuple[float, float]:
    """Return the 95 % interval of the mean of proportions, from their own intervals.

    Square and add (Newcombe 1998; Zou & Donner 2008): the mean m has the interval
    [m - s(v - l), m + s(u - v)] with s(d) = sqrt(sum over j, k of r_jk d_j d_k) / count, where v
    are the values, l and u the limits of their intervals and r the proportions' correlations.
    Unlike a bootstrap it does not shrink to nothing when every proportion is 1.

    Args:
        values: `(count,)` proportions in [0, 1].
        intervals: `(count, 2)` lower and upper limits.
        likeness: `(count, count)`, of `group_likeness`; without, they are independent.
    """
    mean, count = values.mean(), len(values)
    alike = np.eye(count) if likeness is None else likeness
    below, above = (
        np.sqrt(gaps @ alike @ gaps) / count
        for gaps in (values - intervals[:, 0], intervals[:, 1] - values)
    )
    return float(mean - below), float(mean + above)


def group_likeness(among: Floats) -> Floats:
    """Return how far shares rest on the same groups: a bound on their correlation.

    A matrix `(shares, shares)`.

    The cosine between their sizes in each group: 0 where no group has images of both, 1 where
    each group has as many of both. Shares of groups whose images are all alike correlate so. It
    is 1 where the same group outweighs the others in both.

    Args:
        among: `(groups, shares)`, each share with at least one image.
    """
    length = np.sqrt((among**2).sum(axis=0))
    cosines = among.T @ among / np.outer(length, length)
    heavy, largest = outweighed(among), among.argmax(axis=0)
    same = (largest[:, None] == largest) & heavy[:, None] & heavy
    return np.asarray(np.where(same, 1.0, cosines))
