"""Numbers with intervals, and the shares among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.resampling import (
    FEWEST,
    NUM_RESAMPLES,
    Floats,
    resample,
    wilson_limits,
)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: computed from the images at hand; NaN where it is not defined.
        low: lower limit, NaN where there is none.
        high: upper limit.
        method: where the limits come from: "bca" (resampled groups), "wilson" (too few groups
            to resample) or "square and add" (a mean of such).
    """

    value: float
    low: float
    high: float
    method: str = "bca"

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper limit."""
        return self.low, self.high

    def to_dict(self) -> dict[str, Any]:
        """Value, interval and method, ready for JSON: NaN becomes `None`."""
        value, low, high = (plain(number) for number in (self.value, *self.interval))
        return {"value": value, "interval": [low, high], "method": self.method}

    @classmethod
    def of(cls, value: float, limits: Floats, method: str = "bca") -> "Estimate":
        """The estimate of a value and its `(2,)` limits."""
        return cls(float(value), float(limits[0]), float(limits[1]), method)

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def share_estimates(
    right: Floats, among: Floats, *, num_resamples: int = NUM_RESAMPLES, seed: int = 0
) -> list[Estimate]:
    """Shares with intervals: BCa, or Wilson's on groups where too few groups hold cases.

    Args:
        right: `(groups, shares)` cases of each group.
        among: `(groups, shares)` what they are a share of.
        num_resamples: how often groups are drawn.
        seed: of the draws.
    """
    sums = resample(np.hstack([right, among]), num_resamples=num_resamples, seed=seed)
    values, limits = sums.estimate(ratios)
    few = too_few(right, among, limits)
    limits[few] = wilson_limits(values, (among > 0).sum(axis=0))[few]
    return [
        Estimate.of(values[i], limits[i], "wilson" if few[i] else "bca") for i in range(len(few))
    ]


def too_few(right: Floats, among: Floats, limits: Floats) -> NDArray[np.bool_]:
    """Whether fewer than 10 groups hold a case or fewer than 10 its opposite, `(shares,)`."""
    rarer = np.minimum((right > 0).sum(axis=0), (among > right).sum(axis=0))
    return (rarer < FEWEST) | ~np.isfinite(limits).all(axis=1)


def checked_names(class_names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """The class names, or "0", "1", … where none are given.

    Raises:
        InvalidArgumentError: (a ValueError) there are more or fewer than classes.
    """
    names = tuple(class_names) if class_names is not None else tuple(map(str, range(count)))
    if len(names) != count:
        raise InvalidArgumentError(
            f"class_names has {len(names)} names, the probabilities have {count} classes."
        )
    return names


def plain(value: Any) -> float | None:
    """A float for JSON: `None` in place of NaN and infinity."""
    return float(value) if np.isfinite(value) else None


def ratios(sums: Floats) -> Floats:
    """Cases divided by what they are a share of, `(..., shares)`, from `(..., 2 * shares)`."""
    right, among = np.split(sums, 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return right / among
