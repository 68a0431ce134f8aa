"""Formulas for the limits of 95 % intervals."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit  # scipy.stats takes ten times as long to import

Floats = NDArray[np.float64]

Z95 = 1.959963984540054  # normal quantile of 0.975


def bca_limits(value: Floats, resampled: Floats, without_one: Floats) -> Floats:
    """Return bias-corrected and accelerated limits `(statistics, 2)` (Efron 1987).

    They are quantiles of the resamples at Phi(z0 + (z0 + z) / (1 - a (z0 + z))), with z = -1.96
    and 1.96, z0 the normal quantile of the share of resamples below the value, and a =
    sum(d^3) / (6 sum(d^2)^1.5) from the jackknife, d being its mean minus each of its values.

    Args:
        value: `(statistics,)` of the sample.
        resampled: `(resamples, statistics)`.
        without_one: `(groups, statistics)`, the sample without each group.
    """
    limits = np.full((len(value), 2), np.nan)
    usable = np.isfinite(value)
    usable &= np.isfinite(resampled).all(axis=0) & np.isfinite(without_one).all(axis=0)
    for index in np.flatnonzero(usable):
        draws, count = resampled[:, index], len(resampled)
        gap = draws - value[index]
        tied = np.abs(gap) < 1e-12  # rounding
        below = (np.sum((gap < 0) & ~tied) + tied.sum() / 2) / count
        z0 = ndtri(np.clip(below, 0.5 / count, 1 - 0.5 / count))
        pull = without_one[:, index].mean() - without_one[:, index]
        spread = np.sum(pull**2) ** 1.5
        acceleration = np.sum(pull**3) / (6 * spread) if spread > 0 else 0.0
        z = z0 + np.array([-Z95, Z95])
        limits[index] = np.quantile(draws, ndtr(z0 + z / (1 - acceleration * z)))
    return limits


def expanded_limits(resampled: Floats, num_groups: int, confidence: float) -> Floats:
    """Return expanded percentile limits `(statistics, 2)` of means (Hesterberg 2015).

    Percentiles further out than (1 - confidence) / 2: at Phi(-sqrt(n / (n - 1)) t), t being
    Student's quantile, as wide as the t interval of n normal values. Plain percentiles are as
    narrow as if the standard deviation of few values were known.

    Args:
        resampled: `(resamples, statistics)`.
        num_groups: n, how many were resampled, two or more.
        confidence: of the interval, in (0, 1).
    """
    quantile = stdtrit(num_groups - 1, (1 + confidence) / 2)
    reach = np.sqrt(num_groups / (num_groups - 1)) * quantile
    return np.asarray(np.quantile(resampled, [ndtr(-reach), ndtr(reach)], axis=0).T)


def wilson_limits(share: Floats, count: Floats) -> Floats:
    """Return Wilson's limits `(..., 2)` (1927) of shares, also of no whole number of cases.

    They hold the share itself, whatever is rounded.

    Args:
        share: `(...)` in [0, 1].
        count: `(...)` of how many cases.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (share + Z95**2 / (2 * count)) / (1 + Z95**2 / count)
        half = Z95 * np.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2))
        half /= 1 + Z95**2 / count
    low, high = np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)
    return np.stack([low, high], axis=-1)


def bonett_price_limits(only_one: float, only_other: float, count: float) -> tuple[float, float]:
    """Return Bonett & Price's limits (2012) of the difference between two paired shares.

    d +- 1.96 sqrt(((a + b) / (n + 2) - d^2) / (n + 2)) with d = (a - b) / (n + 2), where a and b
    are one more than the cases that only one and only the other got right. They hold the
    difference itself, and lie in [-1, 1].

    Args:
        only_one: cases that only the first got right; no whole number where groups count.
        only_other: cases that only the second got right.
        count: n, all cases.
    """
    value = (only_one - only_other) / count
    one, other, total = only_one + 1, only_other + 1, count + 2
    middle = (one - other) / total
    half = Z95 * np.sqrt(((one + other) / total - middle**2) / total)
    return float(max(min(middle - half, value), -1)), float(min(max(middle + half, value), 1))
