"""From which score on a finding is called: chosen on validation images, never on the test part."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.findings.checks import checked_findings

Floats = NDArray[np.float64]
Rule = str | tuple[str, float]


def choose_operating_points(
    labels: ArrayLike, scores: ArrayLike, *, rule: Rule = "youden"
) -> Floats:
    """Return for each finding the score from which on it is called, `(findings,)`.

    A point lies half-way between two scores that occur, so that the same images are called when
    rounding differs; of points that are equally good, the highest is taken. NaN for a finding of
    which all known images are alike: nothing can be chosen.

    Args:
        labels: `(images, findings)` of 0, 1 and NaN, of VALIDATION images.
        scores: `(images, findings)`, higher where a finding is likelier.
        rule: "youden", the largest sensitivity + specificity - 1 (Youden 1950); "f1", the largest
            F1; `("f", beta)`, the largest F-beta, which weighs sensitivity beta times as much as
            precision; `("sensitivity", 0.95)` or `("specificity", 0.95)`, the point that reaches
            that share and has most of the other.

    Raises:
        InvalidArgumentError: (a ValueError) there is no such rule, or the arrays do not fit.

    Examples:
        >>> labels = [[0], [0], [1], [1]]
        >>> choose_operating_points(labels, [[0.1], [0.4], [0.6], [0.9]])
        array([0.5])
    """
    real, given, _ = checked_findings(labels, scores, None)
    worth = _worth(rule)
    return np.array(
        [_choose(real[:, index], given[:, index], worth) for index in range(real.shape[1])]
    )


Worth = Callable[[Floats, Floats, float, float], Floats]
"""From true and false positives of each point, and how many positives and negatives there are."""


def _worth(rule: Rule) -> Worth:
    name, wished = (rule, 1.0) if isinstance(rule, str) else _pair(rule)
    if name == "youden" and isinstance(rule, str):
        return lambda true, false, m, n: true / m - false / n
    if name == "f1" and isinstance(rule, str):
        return _f_beta(1.0)
    if name == "f" and not isinstance(rule, str) and wished > 0:
        return _f_beta(wished)
    if name in ("sensitivity", "specificity") and not isinstance(rule, str) and 0 < wished <= 1:
        return _reaching(name, wished)
    raise InvalidArgumentError(
        'rule must be "youden", "f1", ("f", beta above 0), ("sensitivity", share) or '
        f'("specificity", share) with a share in (0, 1]; received {rule!r}.'
    )


def _pair(rule: Sequence[object]) -> tuple[str, float]:
    numbers = (int, float, np.integer, np.floating)
    if len(rule) == 2 and isinstance(rule[0], str) and isinstance(rule[1], numbers):
        return rule[0], float(rule[1])
    return "", 0.0


def _f_beta(beta: float) -> Worth:
    return lambda true, false, m, n: (1 + beta**2) * true / (true + false + beta**2 * m)


def _reaching(name: str, wished: float) -> Worth:
    def worth(true: Floats, false: Floats, m: float, n: float) -> Floats:
        sensitivity, specificity = true / m, 1 - false / n
        if name == "sensitivity":
            return np.where(sensitivity >= wished - 1e-12, specificity, -1.0)
        return np.where(specificity >= wished - 1e-12, sensitivity, -1.0)

    return worth


def _choose(labels: Floats, scores: Floats, worth: Worth) -> float:
    known = ~np.isnan(labels)
    real, given = labels[known], scores[known]
    m, n = float(real.sum()), float((1 - real).sum())
    if not m or not n:
        return float("nan")
    order = np.argsort(-given, kind="stable")
    ordered, hits = given[order], real[order]
    last = np.flatnonzero(np.append(np.diff(ordered), 1.0))  # of images with equal scores
    true = np.append(0.0, hits.cumsum()[last])
    false = np.append(0.0, (1 - hits).cumsum()[last])
    best = int(np.argmax(worth(true, false, m, n)))  # the first: the highest point
    steps = ordered[last]
    if best == 0:
        return float(np.nextafter(steps[0], np.inf))  # nothing is called
    if best == len(steps):
        return float(steps[-1])  # everything is
    return float((steps[best - 1] + steps[best]) / 2)
