"""One number that makes a classifier less sure, or surer, without changing what it answers."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.checks import checked_predictions, checked_probabilities

# A network that needs more than a twentyfold is not made usable by one number.
LOWEST, HIGHEST = 0.05, 20.0
# In place of log 0: below every probability that float32 can hold, 1.4e-45.
_LOG_ZERO = -104.0


def fit_temperature(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the temperature, in [0.05, 20], that makes probabilities fit how often they come true.

    Above 1 the model was too sure, below 1 not sure enough. It minimises the log loss of
    softmax(log p / T) (Guo et al. 2017), counting one more image than there are, whose answer
    is wrong: the real class' weight is 1 - 1 / (n + 2), as Platt 1999 smooths his targets.
    Without that, a validation part with every answer right would ask for certainty everywhere.

    Fit it on the VALIDATION part: on training images a model is surer than on others, and on
    test images the test would no longer be one. One number cannot correct classes that are named
    too often beside others that are named too rarely: see `fit_scaling`.

    Args:
        labels: `(images,)` whole numbers in [0, classes): the real classes.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.

    Raises:
        InvalidArgumentError: (a ValueError) the arrays do not fit each other.

    Examples:
        >>> labels = [0, 0, 0, 1] * 50  # right three times of four, but 95 % sure
        >>> temperature = fit_temperature(labels, [[0.95, 0.05]] * 200)
        >>> apply_temperature([[0.95, 0.05]], temperature).round(2).tolist()
        [[0.75, 0.25]]
    """
    real, scores = checked_predictions(labels, probabilities)
    num_classes = scores.shape[1]
    if num_classes == 1:
        return 1.0
    logs, targets = log_probabilities(scores), smoothed_targets(real, num_classes)

    def loss(log_temperature: float) -> float:
        scaled = logs / math.exp(log_temperature)
        return float(np.mean(logsumexp(scaled, axis=1) - np.sum(targets * scaled, axis=1)))

    bounds = (math.log(LOWEST), math.log(HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(math.exp(found.x))


def apply_temperature(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Return the probabilities `(images, classes)` of a model with that temperature.

    softmax(log p / T): the order of the classes stays, so accuracy does too.

    Args:
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
        temperature: T of `fit_temperature`; 1 changes nothing.

    Raises:
        InvalidArgumentError: (a ValueError) the temperature is not above 0, or these are no
            probabilities.
    """
    check_temperature(temperature)
    scores = checked_probabilities(probabilities)
    scaled = log_probabilities(scores) / temperature
    return np.exp(scaled - logsumexp(scaled, axis=-1, keepdims=True))


def check_temperature(temperature: float) -> None:
    """Raise unless the temperature is a number above 0."""
    if not 0 < temperature < math.inf:
        raise InvalidArgumentError(
            f"temperature must be a number above 0, received {temperature!r}; fit_temperature "
            "finds it from labels and probabilities of the validation part."
        )


def log_probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the natural logarithms of probabilities; of 0 that of what float32 cannot hold."""
    return np.log(np.maximum(scores, math.exp(_LOG_ZERO)))


def smoothed_targets(real: NDArray[np.int64], num_classes: int) -> NDArray[np.float64]:
    """Return targets `(images, classes)`: 1 - 1 / (n + 2) for the real class (Platt 1999)."""
    smoothing = 1 / (len(real) + 2)
    targets = np.full((len(real), num_classes), smoothing / max(num_classes - 1, 1))
    targets[np.arange(len(real)), real] = 1 - smoothing
    return targets
