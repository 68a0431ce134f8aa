"""Resampling by group: which images go together, their sums, and sums over drawn groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.checks import check_integer
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.intervals.limits import Floats, bca_limits

NUM_RESAMPLES = 2000  # limits of a 95 % interval then rest on 50 resamples a side
FEWEST = 10  # groups on the rarer side; with fewer, resamples repeat too few cases (see bootstrap)
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
        """Return values `(statistics,)` and their 95 % BCa limits `(statistics, 2)`.

        NaN limits where a resample lacks what the statistic needs, such as a class.

        Args:
            statistic: from sums `(..., values)` to `(..., statistics)`.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            value = statistic(self.whole)
            limits = bca_limits(value, statistic(self.resampled), statistic(self.without_one))
        return value, limits


def group_codes(groups: Sequence[Any] | ArrayLike | None, num_images: int) -> NDArray[np.int64]:
    """Return the number `(images,)` of each image's group, from 0; an image alone is its own group.

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
    """Return the sums `(groups, values)` of the images' values `(images, values)` in each group."""
    array = np.asarray(values, np.float64)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return np.add.reduceat(array[order], starts, axis=0)


def resample(totals: Floats, *, num_resamples: int = NUM_RESAMPLES, seed: int = 0) -> Sums:
    """Return sums over as many groups as there are, drawn with replacement, again and again.

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
    """Raise for fewer than 100, also where nothing is to be drawn.

    Raises:
        InvalidArgumentError: there are fewer.
    """
    check_integer("num_resamples", num_resamples, least=100)
