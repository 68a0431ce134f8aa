"""Scores with intervals by group, and how much of a score is left on other pictures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
from keras_cxr.statistics.above_chance import kept_above_chance
from keras_cxr.statistics.intervals.bootstrap import bootstrap_intervals
from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.means import mean_estimates
from keras_cxr.statistics.intervals.resampling import group_codes, group_sums
from keras_cxr.statistics.intervals.scores import BootstrapIntervals
from keras_cxr.statistics.intervals.shares import share_estimates


def score_of(predictions: LabelledPredictions) -> BootstrapIntervals:
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


def kept_share(
    whole: LabelledPredictions, other: LabelledPredictions, *, seed: int = 0
) -> Estimate:
    """Return the share of a score above chance that is left (see `kept_above_chance`).

    Args:
        whole: predictions on the images as they are.
        other: predictions on the same images in the same order, shown otherwise.
        seed: of the draws.
    """
    return kept_above_chance(
        whole.labels, whole.predicted, other.predicted, groups=whole.groups, seed=seed
    )


def chance_of(predictions: LabelledPredictions) -> float:
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
        values: the numbers.
        groups: (n,) str, the group of each; "" for one that stands alone.
        share: whether they are 0 and 1, so that the interval may be Wilson's where too few groups
            hold one of the two.
        seed: of the draws.
    """
    codes = group_codes(groups, len(values))
    if share:
        counts = np.ones((len(values), 1))
        sums = (group_sums(column, codes) for column in (values[:, np.newaxis], counts))
        return share_estimates(*sums, seed=seed)[0]
    return mean_estimates(values[:, np.newaxis], codes, seed=seed)[0]
