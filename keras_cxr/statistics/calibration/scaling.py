"""A temperature and an offset for each class: probabilities that hold for rare classes too."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.calibration.temperature import (
    HIGHEST,
    LOWEST,
    check_temperature,
    log_probabilities,
    smoothed_targets,
)
from keras_cxr.statistics.checks import checked_predictions, checked_probabilities


@dataclass(frozen=True)
class Scaling:
    """What `fit_scaling` found; `apply` gives the calibrated probabilities.

    Attributes:
        temperature: above 1 the model was too sure, below 1 not sure enough.
        offsets: one for each class, with mean 0, added to its score: above 0 the model named
            the class too rarely.
    """

    temperature: float
    offsets: tuple[float, ...]

    def apply(self, probabilities: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities softmax(log p / T + offsets), `(images, classes)`.

        Args:
            probabilities: `(images, classes)` in [0, 1], each row adding up to 1.

        Raises:
            InvalidArgumentError: (a ValueError) there are more or fewer classes than offsets, or
                these are no probabilities.
        """
        check_temperature(self.temperature)
        scores = checked_probabilities(probabilities)
        if scores.shape[1] != len(self.offsets):
            raise InvalidArgumentError(
                f"Expected probabilities of shape (images, {len(self.offsets)}), received "
                f"{scores.shape}."
            )
        scaled = log_probabilities(scores) / self.temperature + np.array(self.offsets)
        return np.exp(scaled - logsumexp(scaled, axis=1, keepdims=True))

    def to_dict(self) -> dict[str, Any]:
        """Return temperature and offsets, ready for JSON."""
        return {"temperature": self.temperature, "offsets": list(self.offsets)}

    def __str__(self) -> str:
        offsets = ", ".join(f"{offset:+.2f}" for offset in self.offsets)
        return f"temperature {self.temperature:.2f}, offsets {offsets}"


def fit_scaling(labels: ArrayLike, probabilities: ArrayLike) -> Scaling:
    """Return the temperature and class offsets that make probabilities fit what comes true.

    Bias-corrected temperature scaling (Alexandari, Kundaje & Shrikumar 2020): the least log
    loss of softmax(log p / T + b), on targets smoothed as in `fit_temperature`. It corrects what a
    temperature cannot: a model trained with class weights, as `train` does by default, or on
    classes that were made equally frequent, names rare classes as if they were common.

    Unlike a temperature it CHANGES ANSWERS: mostly from rare classes to common ones, since that
    is right more often. Accuracy rises and the recall of rare classes falls. Where a missed rare
    class is the worse mistake, keep the model's own answers and use these probabilities for how
    sure they are. The offsets hold where the classes are as frequent as in the validation part.

    Args:
        labels: `(images,)` whole numbers in [0, classes), of the VALIDATION part, which must
            hold every class.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.

    Raises:
        InvalidArgumentError: (a ValueError) the arrays do not fit each other, or a class does
            not occur: its offset would be minus infinity.

    Examples:
        >>> labels = [0, 0, 0, 1] * 50  # the second class is rare, the model does not know
        >>> fit_scaling(labels, [[0.5, 0.5]] * 200).apply([[0.5, 0.5]]).round(2).tolist()
        [[0.75, 0.25]]
    """
    real, scores = checked_predictions(labels, probabilities)
    _check_all_occur(real, scores.shape[1])
    logs, targets = log_probabilities(scores), smoothed_targets(real, scores.shape[1])

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scaled = logs * values[0] + values[1:]  # convex in 1 / T and the offsets
        totals = logsumexp(scaled, axis=1, keepdims=True)
        excess = (np.exp(scaled - totals) - targets) / len(real)
        value = np.mean(totals[:, 0] - np.sum(targets * scaled, axis=1))
        return float(value), np.concatenate([[np.sum(excess * logs)], excess.sum(axis=0)])

    count = scores.shape[1]
    found = minimize(
        loss,
        np.concatenate([[1.0], np.zeros(count)]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(1 / HIGHEST, 1 / LOWEST), *[(None, None)] * count],
    )
    offsets = found.x[1:] - found.x[1:].mean()  # the softmax does not see their mean
    return Scaling(float(1 / found.x[0]), tuple(float(offset) for offset in offsets))


def as_scaling(scaling: float | Scaling, num_classes: int) -> Scaling:
    """Return a temperature alone as a `Scaling` without offsets; a `Scaling` as it is.

    Raises:
        InvalidArgumentError: (a ValueError) a temperature not above 0, offsets that are not
            finite or of another number of classes.
    """
    found = scaling if isinstance(scaling, Scaling) else Scaling(scaling, (0.0,) * num_classes)
    check_temperature(found.temperature)
    if len(found.offsets) != num_classes or not all(map(math.isfinite, found.offsets)):
        raise InvalidArgumentError(
            f"the scaling has offsets {found.offsets} for {num_classes} classes: fit_scaling "
            "finds them from probabilities of the same model."
        )
    return found


def _check_all_occur(real: NDArray[np.int64], num_classes: int) -> None:
    absent: Sequence[int] = np.setdiff1d(np.arange(num_classes), real).tolist()
    if absent:
        raise InvalidArgumentError(
            f"No image of class {', '.join(map(str, absent))} is among the labels: offsets need "
            "some of each. Fit the temperature alone with fit_temperature."
        )
