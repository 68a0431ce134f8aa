"""How well scores rank films with a finding above those without: AUC and average precision."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.limits import Z95, wilson_limits
from keras_cxr.statistics.intervals.resampling import group_sums

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"), "none")
_HALVINGS = 60  # of an interval of length 1: down to the last bit


class Auc(NamedTuple):
    """The area under an ROC curve, and what each image does to it.

    Attributes:
        value: share of pairs of a positive and a negative image that are ranked rightly, ties
            counting a half.
        influence: `(images,)`, adding up to 0: how far the value would move with more of each
            image; their squares add up to its variance where each image is alone.
        num_positive: m.
        num_negative: n.
    """

    value: float
    influence: Floats
    num_positive: int
    num_negative: int


def area_under_roc(labels: Floats, scores: Floats) -> Auc | None:
    """Return the area under the ROC curve; None where positives or negatives are missing.

    The value is Mann and Whitney's statistic. The influence of a positive image is (V - A) / m, V
    being the share of negatives below it, and so on for a negative one (DeLong et al. 1988).

    Args:
        labels: `(images,)` of 0 and 1.
        scores: `(images,)`.
    """
    positive = labels == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return None
    wins = np.empty(len(scores))
    wins[positive] = _share_below(scores[positive], scores[~positive])
    wins[~positive] = 1 - _share_below(scores[~positive], scores[positive])
    value = float(wins[positive].mean())
    return Auc(value, (wins - value) / np.where(positive, m, n), m, n)


def _share_below(scores: Floats, others: Floats) -> Floats:
    """Return of each score the share of others below it, equal ones counting a half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, side="left")
    not_above = np.searchsorted(ordered, scores, side="right")
    return np.asarray((below + not_above) / (2 * len(others)))


def auc_estimate(labels: Floats, scores: Floats, codes: Codes) -> Estimate:
    """Return the area under the ROC curve with its 95 % interval; unknown where it has none.

    Newcombe's limits (2006, "Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic", part 2, method 5): the theta with |A - theta| = 1.96 sqrt(V(theta)),
    V = theta (1 - theta) / (m n) (1 + N* ((1 - theta) / (2 - theta) + theta / (1 + theta))) and
    N* = (m + n) / 2 - 1. Unlike DeLong's they stay in [0, 1] and keep a width at 1. Where images
    come in groups, m and n are divided by the ratio of the variance that counts groups (Obuchowski
    1997) to the one that counts images, where that is above 1.

    Args:
        labels: `(images,)` of 0 and 1.
        scores: `(images,)`.
        codes: `(images,)` of `group_codes`.
    """
    found = area_under_roc(labels, scores)
    if found is None:
        return UNKNOWN
    alike = max(1.0, _design_effect(found.influence, codes))
    low, high = _newcombe_limits(found, alike)
    return Estimate(found.value, low, high, "newcombe")


def _design_effect(influence: Floats, codes: Codes) -> float:
    alone = variance_of(influence, np.arange(len(codes)))
    return variance_of(influence, codes) / alone if alone > 0 else _kish(codes)


def _kish(codes: Codes) -> float:
    """Return how many images count as one, by Kish (1965), where no variance tells."""
    sizes = np.bincount(codes)
    return float((sizes**2).sum() / sizes.sum())


def variance_of(influence: Floats, codes: Codes) -> float:
    """Return the variance of a value from the influence of each image, groups counted whole."""
    sums = group_sums(influence[:, np.newaxis], codes)[:, 0]
    count = len(sums)
    return float((sums**2).sum() * count / (count - 1)) if count > 1 else 0.0


def _newcombe_limits(found: Auc, alike: float) -> tuple[float, float]:
    m, n = found.num_positive / alike, found.num_negative / alike
    more = max((m + n) / 2 - 1, 0.0)

    def beyond(theta: float) -> bool:
        part = (1 - theta) / (2 - theta) + theta / (1 + theta)
        variance = theta * (1 - theta) / (m * n) * (1 + more * part)
        return (found.value - theta) ** 2 > Z95**2 * variance

    limits = []
    for end in (0.0, 1.0):
        outside, inside = end, found.value
        for _ in range(_HALVINGS):
            middle = (outside + inside) / 2
            outside, inside = (middle, inside) if beyond(middle) else (outside, middle)
        limits.append(inside)
    return limits[0], limits[1]


def average_precision_estimate(labels: Floats, scores: Floats, codes: Codes) -> Estimate:
    """Return the average precision with its 95 % interval; unknown without a positive image.

    The value is scikit-learn's: the precision at each positive image, averaged. Its limits are
    Wilson's for a share of as many cases as there are positive images (binomial, as Boyd et al.
    2013 found good, "Area under the precision-recall curve"); groups of w positive images count as
    (sum w)^2 / sum w^2 of them.

    Args:
        labels: `(images,)` of 0 and 1.
        scores: `(images,)`.
        codes: `(images,)` of `group_codes`.
    """
    if not labels.any():
        return UNKNOWN
    order = np.argsort(-scores, kind="stable")
    hits, sorted_scores = labels[order], scores[order]
    last = np.flatnonzero(np.append(np.diff(sorted_scores), 1.0))  # ties are one step
    true = hits.cumsum()[last]
    value = float((np.diff(true, prepend=0.0) * true / (last + 1)).sum() / true[-1])
    positives = group_sums(labels[:, np.newaxis], codes)[:, 0]
    count = positives.sum() ** 2 / (positives**2).sum()
    return Estimate.of(value, wilson_limits(np.asarray(value), np.asarray(count)), "wilson")
