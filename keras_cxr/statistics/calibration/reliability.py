"""The reliability table: images in bins of about equal confidence, and how often each is right."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr.statistics.intervals.estimates import estimate_columns
from keras_cxr.statistics.intervals.limits import Floats
from keras_cxr.statistics.intervals.resampling import group_sums
from keras_cxr.statistics.intervals.shares import share_estimates

NUM_BINS = 15  # as in Guo et al. 2017
SMALLEST_BIN = 20  # groups; in smaller bins the share of right answers is mostly noise


def equal_bins(
    values: Floats, num_bins: int, codes: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Return the bin `(images,)` of each value, all of about as many images, equal ones together.

    Args:
        values: `(images,)`.
        num_bins: at most so many, and no more than leave 20 groups to each.
        codes: `(images,)` the group of each; without, each image is one.
    """
    groups = np.arange(len(values)) if codes is None else codes
    wanted = max(1, min(num_bins, len(np.unique(groups)) // SMALLEST_BIN))
    edges = np.quantile(values, np.linspace(0, 1, wanted + 1)[1:-1])
    found = np.unique(np.searchsorted(edges, values, side="right"), return_inverse=True)[1]
    merged, begin = np.zeros(len(values), np.int64), 0
    for last in range(found.max() + 1):
        inside = (found >= begin) & (found <= last)
        if len(np.unique(groups[inside])) >= SMALLEST_BIN or last == found.max():
            merged[inside] = merged.max() + (begin > 0)
            begin = last + 1
    # what is left at the upper end and has too few groups joins the bin before it
    top = merged == merged.max()
    if merged.max() and len(np.unique(groups[top])) < SMALLEST_BIN:
        merged[top] -= 1
    return merged


def reliability_table(
    confidence: Floats,
    right: Floats,
    bins: NDArray[np.int64],
    codes: NDArray[np.int64],
    *,
    num_resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Return a row for each bin: how many images, their mean confidence, how many are right.

    Args:
        confidence: `(images,)` probability of the answer.
        right: `(images,)` 0 or 1.
        bins: `(images,)` the bin of each, from `equal_bins`.
        codes: `(images,)` the group of each.
        num_resamples: how often groups are drawn.
        seed: of the draws.
    """
    in_bin = np.eye(bins.max() + 1)[bins]
    estimates = share_estimates(
        group_sums(in_bin * right[:, None], codes),
        group_sums(in_bin, codes),
        num_resamples=num_resamples,
        seed=seed,
    )
    return pd.DataFrame(
        {
            "images": in_bin.sum(axis=0).astype(int),
            "confidence": confidence @ in_bin / in_bin.sum(axis=0),
            **estimate_columns("accuracy", estimates),
        }
    )
