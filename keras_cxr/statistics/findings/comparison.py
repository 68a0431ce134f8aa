"""`compare_findings`: how far one model ranks a finding better than another, on the same films."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.findings.checks import Floats, checked_findings
from keras_cxr.statistics.findings.ranking import area_under_roc, variance_of
from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.limits import Z95
from keras_cxr.statistics.intervals.resampling import group_codes
from keras_cxr.statistics.significance import holm


@dataclass(frozen=True)
class AucDifference:
    """How far one model's ROC AUC for a finding lies above another's on the same images.

    Attributes:
        finding: its name.
        model: the one with the larger area.
        other: the one it is compared with.
        difference: of the areas, with its paired 95 % interval.
        p: two-sided, of the normal approximation (DeLong et al. 1988; Obuchowski 1997 for groups).
        holm_p: p corrected for all pairs and findings (Holm 1979).
    """

    finding: str
    model: str
    other: str
    difference: Estimate
    p: float
    holm_p: float


def compare_findings(
    labels: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    finding_names: Sequence[str] | None = None,
    groups: Sequence[Any] | ArrayLike | None = None,
) -> tuple[AucDifference, ...]:
    """Return the differences in ROC AUC between all pairs of models, finding by finding.

    Each image moves both areas; the variance of the difference is the sum of squares of what it
    does to their difference, whole patients taken together, and at least that of half a positive
    and half a negative image, since areas of 1 would else be beyond doubt. Findings whose known
    images are all alike are left out. With fewer than ten positive patients the normal
    approximation is rough.

    Args:
        labels: `(images, findings)`: 1 there, 0 not there, NaN not known.
        scores: a name for each model and its scores `(images, findings)`.
        finding_names: in the order of the columns; "0", "1", … by default.
        groups: `(images,)` patients or groups of copies; `""` or `None` for an image alone.

    Raises:
        InvalidArgumentError: (a ValueError) fewer than two models, or arrays that do not fit.

    Examples:
        >>> labels = [[0], [1]] * 50
        >>> guess = [[0.5]] * 100
        >>> found = compare_findings(labels, {"guess": guess, "A": labels})
        >>> found[0].model, found[0].difference.value
        ('A', 0.5)
    """
    if len(scores) < 2:
        raise InvalidArgumentError(f"compare_findings needs two models, received {len(scores)}.")
    checked = {name: checked_findings(labels, one, finding_names) for name, one in scores.items()}
    real, _, names = next(iter(checked.values()))
    codes = group_codes(groups, len(real))
    found: list[tuple[str, str, str, Estimate, float]] = []
    for index, finding in enumerate(names):
        known = ~np.isnan(real[:, index])
        for one, other in combinations(checked, 2):
            areas = [
                area_under_roc(real[known, index], checked[name][1][known, index])
                for name in (one, other)
            ]
            first, second = areas
            if first is None or second is None:
                continue
            value = first.value - second.value
            variance = variance_of(first.influence - second.influence, codes[known])
            least = (1 / first.num_positive**2 + 1 / first.num_negative**2) / 4
            error = max(variance, least) ** 0.5 if value else variance**0.5
            high, low = (one, other) if value >= 0 else (other, one)
            found.append((finding, high, low, _estimate(abs(value), error), _p(value, error)))
    corrected = holm([row[-1] for row in found])
    return tuple(AucDifference(*row, p) for row, p in zip(found, corrected, strict=True))


def _estimate(value: float, error: float) -> Estimate:
    limits: Floats = np.clip([value - Z95 * error, value + Z95 * error], -1, 1)
    return Estimate.of(value, limits, "delong")


def _p(value: float, error: float) -> float:
    return float(2 * ndtr(-abs(value) / error)) if error else 1.0
