"""How well a few numbers tell the class: cross-validated, scored beside guessing, by groups."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr.statistics.intervals.bootstrap import accuracy_estimates
from keras_cxr.statistics.intervals.estimates import Estimate

FOLDS = 5
ROUNDS = 1000
"""Bootstrap samples; the limits of a 95 % interval then vary by about a twentieth of its width."""


class Reach(NamedTuple):
    """What one model reaches on images that it was not fitted to; each with its 95 % limits."""

    accuracy: Estimate
    balanced_accuracy: Estimate


class Problem(NamedTuple):
    """What is to be told apart, and what must not be torn apart.

    Attributes:
        labels: (n,) int64 class indices from 0, without gaps.
        groups: (n,) int64, equal for images that stay together, such as those of one patient.
        folds: (n,) int64, the part in which an image is judged.
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]


def pose(labels: NDArray[np.int64], groups: Sequence[str], seed: int) -> Problem:
    """Return the problem with its folds: classes in like shares, each group in one fold.

    Args:
        labels: (n,) int64 class indices.
        groups: n names; "" stands for an image alone.
        seed: shuffles the groups.
    """
    from sklearn.model_selection import StratifiedKFold

    names = [group or f"\0{row}" for row, group in enumerate(groups)]
    _, first, numbers = np.unique(names, return_index=True, return_inverse=True)
    # StratifiedGroupKFold takes 6 s for 12,462 groups; a fold of groups is drawn at once
    of_groups = labels[first]
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    folds = np.zeros(len(first), np.int64)
    for fold, (_, judged) in enumerate(splitter.split(of_groups[:, None], of_groups)):
        folds[judged] = fold
    return Problem(labels, numbers.astype(np.int64), folds[numbers])


def boosted_trees(seed: int) -> Any:
    """Return the model for attributes: small gradient-boosted trees.

    An attribute tells classes apart by steps and by pairs ("224 wide and bright"), holds NaN, and
    has no natural scale: trees take all that as it is. 40 rounds of 15 leaves reach within 0.02
    of 200 rounds on 12,462 real files (docs/detectors.md).
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.15,
        max_leaf_nodes=15,
        min_samples_leaf=5,  # scikit-learn's 20 splits nothing where a class has 12 images
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )


def linear(seed: int) -> Any:
    """Return the model for pixels: logistic regression on standardised values.

    It sees no shapes, only how bright each place is.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # C = 0.01 holds 576 weights back where there are few images; 200 steps suffice for 0.001
    regression = LogisticRegression(C=0.01, max_iter=200, tol=1e-3, random_state=seed)
    return make_pipeline(StandardScaler(), regression)


def frequencies(num_categories: int) -> Any:
    """Return the model for one category: how often each class goes with it, plus one."""
    from sklearn.naive_bayes import CategoricalNB

    return CategoricalNB(min_categories=num_categories)


def judge(model: Any, values: NDArray[Any], problem: Problem, *, seed: int) -> Reach:
    """Return what a model reaches on folds that it was not fitted to.

    One set of probabilities p(class) serves both scores, each with the decision that is best for
    it: the largest p for accuracy, the largest p / (share of the class) for balanced accuracy.

    Args:
        model: an unfitted scikit-learn classifier.
        values: (n, k) numbers.
        problem: the classes and folds.
        seed: draws the bootstrap samples.
    """
    from sklearn.base import clone

    probabilities = np.zeros((len(values), int(problem.labels.max()) + 1))
    for fold in np.unique(problem.folds):
        judged = problem.folds == fold
        # scikit-learn's trees refuse a column that nobody knows, such as quality without a JPEG
        known = ~np.isnan(values[~judged]).all(axis=0)
        usable = np.where(known, values, 0)
        fitted = clone(model).fit(usable[~judged], problem.labels[~judged])
        probabilities[np.ix_(judged, fitted.classes_)] = fitted.predict_proba(usable[judged])
    return score(probabilities, problem, seed=seed)


def score(probabilities: NDArray[np.float64], problem: Problem, *, seed: int) -> Reach:
    """Return accuracy and balanced accuracy with the intervals of `bootstrap_intervals`.

    They count groups, and are Wilson's where too few groups are told wrong to resample. The
    fitted models stay as they are, so the intervals hold what the choice of judged images adds,
    and not what the choice of others to fit to would add.

    Args:
        probabilities: (n, classes) float64.
        problem: the classes and groups.
        seed: draws the samples.
    """
    labels = problem.labels
    shares = np.bincount(labels, minlength=probabilities.shape[1]) / len(labels)
    options: dict[str, Any] = {"groups": problem.groups, "num_resamples": ROUNDS, "seed": seed}
    accuracy, _ = accuracy_estimates(labels, probabilities.argmax(axis=1), **options)
    predicted = (probabilities / shares).argmax(axis=1)
    _, balanced = accuracy_estimates(labels, predicted, **options)
    return Reach(accuracy, balanced)
