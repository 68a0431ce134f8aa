"""Numbers with intervals, and how they are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cxr._support.text.terminal import NO_NUMBER
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.intervals.resampling import Floats


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: computed from the images at hand; NaN where it is not defined.
        low: lower limit, NaN where there is none.
        high: upper limit.
        method: where the limits come from: "bca" (resampled groups), "wilson" (each image alone,
            or too few groups to resample), "wider" (of these two: one group outweighs the others),
            "square and add" (a mean of such), "exact", "bonett price" or "none".
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

    def text(self, digits: int = 3, *, signed: bool = False) -> str:
        """The number with its limits in brackets; alone where it has none, a dash for none.

        Args:
            digits: behind the point.
            signed: whether positive numbers get a plus.
        """
        value = number_text(self.value, digits, signed=signed)
        if not np.isfinite([self.value, *self.interval]).all():
            return value
        low, high = (number_text(limit, digits, signed=signed) for limit in self.interval)
        return f"{value} [{low}, {high}]"

    def __str__(self) -> str:
        return self.text()


def number_text(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """A number for readers: a dash where there is none, and never "-0.00"."""
    if not np.isfinite(value):
        return NO_NUMBER
    return f"{round(value, digits) + 0.0:{'+' if signed else ''}.{digits}f}"


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
