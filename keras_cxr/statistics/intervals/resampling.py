"""Resampling by group: which images go together, their sums, and limits from the resamples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from keras_cxr.errors import InvalidArgumentError

Floats = NDArray[np.float64]

NUM_RESAMPLES = 2000  # limits of a 95 % interval then rest on 50 resamples a side
FEWEST = 10  # groups on the rarer side; with fewer, resamples repeat too few cases (see bootstrap)
Z95 = 1.959963984540054  # normal quantile of 0.975
_CHUNK = 64  # resamples at a time: 64 x 21,165 counts are 11 MB


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of the images' values in the sample, in resamples of it, and without each group.

    Attributes:
        whole: `(values,)`, over all images.
        resampled: `(resamples, values)`, over groups drawn with replacement.
        without_one: `(groups, values)`, over all groups but one: the jackknife.
    """

    whole: Floats
    resampled: Floats
    without_one: Floats

    def estimate(self, statistic: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """Values `(statistics,)` and their 95 % BCa limits `(statistics, 2)`.

        NaN limits where a resample lacks what the statistic needs, such as a class.

        Args:
            statistic: from sums `(..., values)` to `(..., statistics)`.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            value = statistic(self.whole)
            limits = bca_limits(value, statistic(self.resampled), statistic(self.without_one))
        return value, limits


def group_codes(groups: Sequence[Any] | ArrayLike | None, num_images: int) -> NDArray[np.int64]:
    """The number `(images,)` of each image's group, from 0; an image alone is its own group.

    Args:
        groups: `(images,)` names or numbers of the groups. `""`, `None` and NaN stand for an
            image that belongs to none; `None` in place of the whole says so of all.
        num_images: how many images there are.

    Raises:
        InvalidArgumentError: (a ValueError) there is not one entry for each image.
    """
    if groups is None:
        return np.arange(num_images)
    names = pd.Series(list(np.asarray(groups, dtype=object)), dtype=object)
    if len(names) != num_images:
        raise InvalidArgumentError(
            f"groups has {len(names)} entries for {num_images} images: give one for each, "
            'with "" for an image that belongs to no group.'
        )
    alone = names.isna() | (names == "")
    own = [("", number) for number in np.flatnonzero(alone)]  # equal to no name
    names.loc[alone] = pd.Series(own, index=names.index[alone], dtype=object)
    return pd.factorize(names)[0].astype(np.int64)


def group_sums(values: ArrayLike, codes: NDArray[np.int64]) -> Floats:
    """Sums `(groups, values)` of the images' values `(images, values)` in each group."""
    array = np.asarray(values, np.float64)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.add.reduceat(array[order], starts, axis=0)


def resample(totals: Floats, *, num_resamples: int = NUM_RESAMPLES, seed: int = 0) -> Sums:
    """Sums over as many groups as there are, drawn with replacement, again and again.

    Groups are drawn from the whole sample, not within classes: a patient may have images of
    several classes, and another test set would not hold the same number of each.

    Args:
        totals: `(groups, values)` of `group_sums`.
        num_resamples: how often; 2,000 of 21,165 groups take about a second.
        seed: of the draws; the same seed and groups give the same draws whatever is summed.

    Raises:
        InvalidArgumentError: (a ValueError) fewer than 100 resamples: their quantiles at 2.5
            and 97.5 % would rest on two or three of them.
    """
    check_num_resamples(num_resamples)
    rng, num_groups = np.random.default_rng(seed), len(totals)
    sums = np.empty((num_resamples, totals.shape[1]))
    for start in range(0, num_resamples, _CHUNK):
        rows = min(_CHUNK, num_resamples - start)
        drawn = rng.integers(0, num_groups, (rows, num_groups))
        drawn += np.arange(rows)[:, None] * num_groups
        times = np.bincount(drawn.ravel(), minlength=rows * num_groups).reshape(rows, -1)
        sums[start : start + rows] = times.astype(np.float64) @ totals
    whole = totals.sum(axis=0)
    return Sums(whole, sums, whole - totals)


def check_num_resamples(num_resamples: int) -> None:
    """Refuse fewer than 100, also where nothing is to be drawn.

    Raises:
        InvalidArgumentError: there are fewer.
    """
    if num_resamples < 100:
        raise InvalidArgumentError(f"num_resamples must be at least 100, not {num_resamples!r}.")


def bca_limits(value: Floats, resampled: Floats, without_one: Floats) -> Floats:
    """95 % limits `(statistics, 2)`: bias-corrected and accelerated (Efron 1987).

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


def wilson_limits(share: Floats, count: Floats) -> Floats:
    """95 % Wilson limits `(..., 2)` of shares that are not whole numbers of `count` cases.

    They hold the share itself, whatever is rounded.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (share + Z95**2 / (2 * count)) / (1 + Z95**2 / count)
        half = Z95 * np.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2))
        half /= 1 + Z95**2 / count
    low, high = np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)
    return np.stack([low, high], axis=-1)
