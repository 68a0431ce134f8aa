"""Numbers from labels and probabilities: arrays in, numbers out, no Keras.

scikit-learn computes what it has; the intervals are those of `bootstrap_intervals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics as sk

from keras_cxr.statistics.checks import checked_predictions
from keras_cxr.statistics.intervals.bootstrap import bootstrap_intervals
from keras_cxr.statistics.intervals.scores import BootstrapIntervals


@dataclass(frozen=True, eq=False)
class Metrics:
    """What a table of real classes and probabilities says; one entry per class in the arrays.

    The intervals are those of `bootstrap_intervals`, the same wherever they are shown.

    Attributes:
        accuracy: share of images whose likeliest class is the real one, in [0, 1].
        balanced_accuracy: mean of the classes' recalls, over classes that occur.
        log_loss: mean negative natural logarithm of the real class' probability.
        precision: per class, NaN where a class was never predicted.
        recall: per class, NaN where a class does not occur.
        f1: per class, NaN where a class neither occurs nor was ever predicted.
        support: real images per class.
        roc_auc: one class against the rest; NaN where a class, or its rest, does not occur.
        confusion: `(classes, classes)` counts, rows real, columns predicted.
        intervals: of accuracy, balanced accuracy, macro F1 and of each class' recall, precision
            and F1.
    """

    accuracy: float
    balanced_accuracy: float
    log_loss: float
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]
    roc_auc: NDArray[np.float64]
    confusion: NDArray[np.int64]
    intervals: BootstrapIntervals

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy."""
        return self.intervals.accuracy.interval

    @property
    def balanced_accuracy_interval(self) -> tuple[float, float]:
        """95 % interval of the balanced accuracy."""
        return self.intervals.balanced_accuracy.interval

    @property
    def recall_intervals(self) -> NDArray[np.float64]:
        """95 % intervals `(classes, 2)` of the recalls, NaN where a class does not occur."""
        return np.array([found.interval for found in self.intervals.recall])

    @property
    def confusion_percent(self) -> NDArray[np.float64]:
        """Confusion in percent of the real class: rows add up to 100, NaN without images."""
        support = np.where(self.support > 0, self.support, np.nan)
        percent: NDArray[np.float64] = 100 * self.confusion / support[:, None]
        return percent


def compute_metrics(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    groups: Sequence[Any] | ArrayLike | None = None,
) -> Metrics:
    """Return classification metrics of images whose real classes are known.

    A share of nothing is no number: precision is NaN where a class was never predicted (what
    scikit-learn calls `zero_division=np.nan`; its default is 0 and a warning), recall where a
    class does not occur. F1 is 0 for a class that occurs and was never predicted.

    Args:
        labels: `(images,)` whole numbers in [0, classes): the real classes.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
        groups: `(images,)` patients or groups of copies, which the intervals count as one each;
            `""` or `None` for an image alone. Without, all images count as independent.

    Raises:
        InvalidArgumentError: (a ValueError) shapes or values that cannot be what they should.

    Examples:
        >>> m = compute_metrics([0, 1], [[0.9, 0.1], [0.6, 0.4]])
        >>> m.accuracy, m.balanced_accuracy, m.confusion.tolist()
        (0.5, 0.5, [[1, 0], [1, 0]])
    """
    real, scores = checked_predictions(labels, probabilities)
    classes = np.arange(scores.shape[1])
    predicted = scores.argmax(axis=1)
    # scikit-learn's own warns of tables with one class
    pairs = real * len(classes) + predicted
    confusion = np.bincount(pairs, minlength=len(classes) ** 2).reshape(len(classes), -1)
    precision, recall, f1, support = sk.precision_recall_fscore_support(
        real, predicted, labels=classes, zero_division=np.nan
    )
    occurs = support > 0
    return Metrics(
        accuracy=int(np.trace(confusion)) / len(real),
        balanced_accuracy=float(recall[occurs].mean()),
        log_loss=float(sk.log_loss(real, scores, labels=classes)) if len(classes) > 1 else 0.0,
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        roc_auc=np.array([_roc_auc(real == index, scores[:, index]) for index in classes]),
        confusion=confusion,
        intervals=bootstrap_intervals(real, scores, groups=groups),
    )


def _roc_auc(is_class: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    if is_class.all() or not is_class.any():
        return float("nan")
    return float(sk.roc_auc_score(is_class, scores))
