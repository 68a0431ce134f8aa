"""Numbers from labels and probabilities: arrays in, numbers out, no Keras.

scikit-learn computes what it has; the confidence intervals are ours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest
from sklearn import metrics as sk

from keras_cxr.errors import InvalidArgumentError


@dataclass(frozen=True, eq=False)
class Metrics:
    """What a table of real classes and probabilities says; one entry per class in the arrays.

    Attributes:
        accuracy: share of images whose likeliest class is the real one, in [0, 1].
        accuracy_interval: its 95 % Wilson interval.
        balanced_accuracy: mean of the classes' recalls, over classes that occur.
        balanced_accuracy_interval: its 95 % interval, from the recalls' Wilson intervals.
        log_loss: mean negative natural logarithm of the real class' probability.
        precision: per class, 0 where a class was never predicted.
        recall: per class, NaN where a class does not occur.
        recall_intervals: `(classes, 2)`, Wilson, NaN where a class does not occur.
        f1: per class.
        support: real images per class.
        roc_auc: one class against the rest; NaN where a class, or its rest, does not occur.
        confusion: `(classes, classes)` counts, rows real, columns predicted.
    """

    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    balanced_accuracy_interval: tuple[float, float]
    log_loss: float
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    recall_intervals: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]
    roc_auc: NDArray[np.float64]
    confusion: NDArray[np.int64]

    @property
    def confusion_percent(self) -> NDArray[np.float64]:
        """Confusion in percent of the real class: rows add up to 100, NaN without images."""
        support = np.where(self.support > 0, self.support, np.nan)
        percent: NDArray[np.float64] = 100 * self.confusion / support[:, None]
        return percent


def compute_metrics(labels: ArrayLike, probabilities: ArrayLike) -> Metrics:
    """Classification metrics of images whose real classes are known.

    Args:
        labels: `(images,)` whole numbers in [0, classes): the real classes.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.

    Raises:
        InvalidArgumentError: (a ValueError) shapes or values that cannot be what they should.

    Examples:
        >>> m = compute_metrics([0, 1], [[0.9, 0.1], [0.6, 0.4]])
        >>> m.accuracy, m.balanced_accuracy, m.confusion.tolist()
        (0.5, 0.5, [[1, 0], [1, 0]])
    """
    real, scores = checked_answers(labels, probabilities)
    classes = np.arange(scores.shape[1])
    predicted = scores.argmax(axis=1)
    # scikit-learn's own warns of tables with one class
    pairs = real * len(classes) + predicted
    confusion = np.bincount(pairs, minlength=len(classes) ** 2).reshape(len(classes), -1)
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        real, predicted, labels=classes, zero_division=0
    )
    occurs = support > 0
    recall = np.where(occurs, recall, np.nan)
    intervals = np.full((len(classes), 2), np.nan)
    for index in np.flatnonzero(occurs):
        intervals[index] = wilson_interval(int(confusion[index, index]), int(support[index]))
    num_right = int(np.trace(confusion))
    return Metrics(
        accuracy=num_right / len(real),
        accuracy_interval=wilson_interval(num_right, len(real)),
        balanced_accuracy=float(recall[occurs].mean()),
        balanced_accuracy_interval=mean_interval(recall[occurs], intervals[occurs]),
        log_loss=float(sk.log_loss(real, scores, labels=classes)) if len(classes) > 1 else 0.0,
        precision=precision,
        recall=recall,
        recall_intervals=intervals,
        f1=f1,
        support=support,
        roc_auc=np.array([_roc_auc(real == index, scores[:, index]) for index in classes]),
        confusion=confusion,
    )


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927), sound also near 0 and 1."""
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(
    values: NDArray[np.float64], intervals: NDArray[np.float64]
) -> tuple[float, float]:
    """95 % interval of the mean of independent proportions, from their own intervals.

    Square and add (Newcombe 1998; Zou & Donner 2008): the mean m has the interval
    [m - s(v - l), m + s(u - v)] with s(d) = sqrt(sum of d squared) / count, where v are the
    values and l and u the limits of their intervals. Unlike a bootstrap it does not shrink to
    nothing when every proportion is 1.

    Args:
        values: `(count,)` proportions in [0, 1].
        intervals: `(count, 2)` lower and upper limits.
    """
    mean, count = values.mean(), len(values)
    below = np.sqrt(np.sum((values - intervals[:, 0]) ** 2)) / count
    above = np.sqrt(np.sum((intervals[:, 1] - values) ** 2)) / count
    return float(mean - below), float(mean + above)


def _roc_auc(is_class: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    if is_class.all() or not is_class.any():
        return float("nan")
    return float(sk.roc_auc_score(is_class, scores))


def checked_answers(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The same labels as int64 and probabilities as float64, once they are what they should be.

    Args:
        labels: `(images,)` whole numbers in [0, classes): the real classes.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.

    Raises:
        InvalidArgumentError: (a ValueError) shapes or values that cannot be what they should.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    real = np.asarray(labels)
    if scores.ndim != 2 or real.shape != scores.shape[:1] or len(real) == 0:
        raise InvalidArgumentError(
            "Expected labels of shape (images,) and probabilities of shape (images, classes) for "
            f"at least one image, received {real.shape} and {scores.shape}."
        )
    if not np.issubdtype(real.dtype, np.integer) or real.min() < 0 or real.max() >= scores.shape[1]:
        raise InvalidArgumentError(
            f"labels must be whole numbers from 0 to {scores.shape[1] - 1}, the class indices."
        )
    return real.astype(np.int64), checked_probabilities(scores)


def checked_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """The same probabilities as float64 whose rows add up to 1 exactly.

    Args:
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1 within a hundredth.

    Raises:
        InvalidArgumentError: (a ValueError) they are something else, such as logits.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    if scores.ndim != 2:
        raise InvalidArgumentError(
            f"Expected probabilities of shape (images, classes), received {scores.shape}."
        )
    if not np.isfinite(scores).all():
        raise InvalidArgumentError(
            "The model's outputs hold NaN or infinite values: its training diverged or its "
            "weights are damaged."
        )
    if (scores < -1e-6).any() or not np.allclose(scores.sum(axis=1), 1, atol=1e-2):
        raise InvalidArgumentError(
            "probabilities must lie in [0, 1] and add up to 1 for each image. Logits and "
            "independent (sigmoid) scores need a softmax first."
        )
    # float16 and bfloat16 outputs add up to 1 within a hundredth only; log_loss warns of that
    scores = np.clip(scores, 0, None)
    normalized: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
    return normalized
