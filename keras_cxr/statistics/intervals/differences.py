"""How far models lie apart on the same images: accuracy and balanced accuracy, paired."""

from itertools import combinations

import numpy as np

from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.limits import Floats, bonett_price_limits
from keras_cxr.statistics.intervals.resampling import FEWEST, NUM_RESAMPLES, resample
from keras_cxr.statistics.intervals.shares import (
    group_likeness,
    mean_interval,
    mean_where,
    outweighed,
)

Pairs = dict[tuple[int, int], tuple[Estimate, Estimate]]


def paired_differences(
    hits: Floats, support: Floats, *, num_resamples: int = NUM_RESAMPLES, seed: int = 0
) -> Pairs:
    """Return accuracy and balanced accuracy of each model less that of each later one.

    Groups are resampled as for single scores, the same draws for all models (BCa). Where two
    models differ in fewer than 10 groups, `bonett_price_limits` take their place: n is the number
    of groups (Kish's, see `share_limits`), and a group counts for one model by the share of its
    images that this one is ahead in. Where one group outweighs the others, the wider of the two
    is taken.

    Args:
        hits: `(groups, models, classes)` right answers.
        support: `(groups, classes)` images.
        num_resamples: how often groups are drawn.
        seed: of the draws.

    Returns:
        By the two models' places, (0, 1), (0, 2), ….
    """
    count = hits.shape[1]
    pairs = list(combinations(range(count), 2))
    totals = np.hstack([hits.reshape(len(hits), -1), support])
    sums = resample(totals, num_resamples=num_resamples, seed=seed)
    _, limits = sums.estimate(lambda x: _statistics(x, pairs, count))
    limits = limits.reshape(len(pairs), -1, 2)
    return {
        (i, j): _differences(hits[:, i] - hits[:, j], support, limits[place])
        for place, (i, j) in enumerate(pairs)
    }


def _statistics(sums: Floats, pairs: list[tuple[int, int]], num_models: int) -> Floats:
    """Differences in accuracy, balanced accuracy and recalls of every pair, one after another."""
    parts = sums.reshape(*sums.shape[:-1], num_models + 1, -1)
    hits, support = parts[..., :-1, :], parts[..., -1:, :]
    recall = hits / support
    balanced = mean_where(np.isfinite(recall), recall)
    accuracy = hits.sum(axis=-1) / support.sum(axis=-1)
    scores = np.concatenate([np.stack([accuracy, balanced], axis=-1), recall], axis=-1)
    return np.concatenate([scores[..., i, :] - scores[..., j, :] for i, j in pairs], axis=-1)


def _differences(ahead: Floats, support: Floats, limits: Floats) -> tuple[Estimate, Estimate]:
    """Accuracy and balanced accuracy of a pair, from `(groups, classes)` and BCa limits."""
    accuracy = _difference(ahead.sum(axis=1), support.sum(axis=1), limits[0])
    classes = [
        _difference(ahead[:, index], support[:, index], limits[2 + index])
        for index in range(support.shape[1])
    ]
    recalls = np.array([found.value for found in classes])
    if {found.method for found in classes} == {"bca"}:
        return accuracy, Estimate.of(recalls.mean(), limits[1])
    of_classes = np.array([found.interval for found in classes])
    around = mean_interval(recalls, of_classes, group_likeness(support))
    return accuracy, Estimate(float(recalls.mean()), *around, method="square and add")


def _difference(ahead: Floats, support: Floats, resampled: Floats) -> Estimate:
    """Of one share, from `(groups,)`: BCa, Bonett & Price's limits, or the wider of both."""
    value = float(ahead.sum() / support.sum())
    few = (ahead != 0).sum() < FEWEST or not np.isfinite(resampled).all()
    if not few and not outweighed(support[:, None])[0]:
        return Estimate.of(value, resampled)
    num_groups = support.sum() ** 2 / (support**2).sum()
    one, other = (
        num_groups * np.maximum(part, 0).sum() / support.sum() for part in (ahead, -ahead)
    )
    low, high = bonett_price_limits(one, other, num_groups)
    if few:
        return Estimate(value, low, high, method="bonett price")
    return Estimate(value, min(low, resampled[0]), max(high, resampled[1]), method="wider")
