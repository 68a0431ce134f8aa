"""Numbers with intervals, and how they are written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._support.text.terminal import NO_NUMBER


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, of 95 % where nothing else is said.

    Attributes:
        value: computed from the images at hand; NaN where it is not defined.
        low: lower limit, NaN where there is none.
        high: upper limit.
        method: where the limits come from: "bca" (resampled groups), "wilson" (each image alone,
            or too few groups to resample), "wider" (of these two: one group outweighs the others),
            "square and add" (a mean of such), "exact", "bonett price", "expanded" (percentiles
            for the mean of few images), "newcombe" (areas under ROC curves), "delong" (their
            differences) or "none".
        num_images: how many images have a value, where some may have none; else `None`.
    """

    value: float
    low: float
    high: float
    method: str = "bca"
    num_images: int | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper limit."""
        return self.low, self.high

    @property
    def mean(self) -> float:
        """The value, by the name that it has where it is a mean over images."""
        return self.value

    def to_dict(self) -> dict[str, Any]:
        """Return value, interval and method, ready for JSON: NaN becomes `None`."""
        found = {"value": self.value, "interval": self.interval, "method": self.method}
        return dict(as_json(found))

    @classmethod
    def of(cls, value: float, limits: NDArray[np.float64], method: str = "bca") -> "Estimate":
        """Return the estimate of a value and its `(2,)` limits."""
        return cls(float(value), float(limits[0]), float(limits[1]), method)

    def __neg__(self) -> "Estimate":
        """Return the estimate of the number with the other sign."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low)

    def text(self, digits: int = 3, *, signed: bool = False) -> str:
        """Return the number with its limits in brackets; alone where it has none, a dash for none.

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


def estimate_columns(name: str, estimates: Iterable[Estimate]) -> dict[str, list[float]]:
    """Return three columns of a table: `name`, `name_low` and `name_high`."""
    rows = [(one.value, one.low, one.high) for one in estimates]
    keys = (name, f"{name}_low", f"{name}_high")
    return {key: [row[place] for row in rows] for place, key in enumerate(keys)}


def estimate_in(row: Mapping[Any, Any], name: str) -> Estimate:
    """Return the estimate that a row of a table holds in the columns of `estimate_columns`."""
    return Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"])


def class_table(per_class: pd.DataFrame) -> str:
    """Return a table with a row for each class as text; a dash stands where there is no number."""
    found = per_class.rename_axis(None)
    return str(found.to_string(float_format="{:.3f}".format, na_rep=NO_NUMBER))


def number_text(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """Return a number for readers: a dash where there is none, and never "-0.00"."""
    if not np.isfinite(value):
        return NO_NUMBER
    return f"{round(value, digits) + 0.0:{'+' if signed else ''}.{digits}f}"


def on_test_images(num_images: int, num_groups: int) -> str:
    """Return "on 300 test images in 100 groups"; without the groups where each image is alone."""
    groups = f" in {num_groups:,} groups" if num_groups < num_images else ""
    return f"on {num_images:,} test images{groups}"
