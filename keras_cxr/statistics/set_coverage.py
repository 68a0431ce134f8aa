"""What prediction sets did on images whose classes are known, beside what was to be expected."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import betabinom, binomtest

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr.statistics.intervals.estimates import (
    Estimate,
    class_table,
    estimate_columns,
    estimate_in,
)
from keras_cxr.statistics.intervals.resampling import group_sums
from keras_cxr.statistics.intervals.shares import share_estimates

_LIMITS = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class SetCoverage:
    """What prediction sets did on images whose classes are known.

    The coverage holds on average over validation and test parts drawn from one source. Images
    from elsewhere, and copies or patients in several parts, have no such promise; nor does it
    hold for a single image, or for a subgroup within a class.

    Attributes:
        coverage: share of images whose set holds the real class, with its exact binomial
            interval (Clopper & Pearson 1934), or that of `share_limits` where images come in
            groups. So are all limits here.
        mean_size: classes in a set on average; 1 is as good as it gets at full coverage.
        sizes: `(classes + 1,)` how many sets hold 0, 1, 2, … classes. Empty: none fits well.
        single_accuracy: share of right answers where the set holds one class.
        per_class: a row per real class: `images`, `coverage` with limits, `expected_low` and
            `expected_high` (what 95 of 100 pairs of validation and test parts of these sizes
            give), `mean_size`, `calibration_images`, and `always`: whether the class is in
            every set since too few validation images were at hand.
        asked: the coverage that was asked for.
    """

    coverage: Estimate
    mean_size: float
    sizes: NDArray[np.int64]
    single_accuracy: Estimate
    per_class: pd.DataFrame
    asked: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in plain sentences."""
        count, rows = int(self.sizes.sum()), self.per_class[self.per_class["images"] > 0]
        place = int(rows["coverage"].to_numpy().argmin())
        lowest, row = rows.index[place], rows.iloc[place]
        found = [
            f"Sets made for {self.asked:.0%} hold the real class of {self.coverage} of "
            f"{count:,} test images and name {self.mean_size:.2f} classes on average; "
            f"{self.sizes[1] / count:.0%} name one class, {self.sizes[0] / count:.0%} none.",
            f"The class they hold least often is {lowest}: "
            f"{estimate_in(row.to_dict(), 'coverage')} of its {int(row['images']):,} images; "
            f"{row['expected_low']:.3f} to "
            f"{row['expected_high']:.3f} was to be expected.",
        ]
        always = [str(name) for name in self.per_class.index[self.per_class["always"]]]
        if always:
            found.append(
                f"Too few validation images to leave {', '.join(always)} out of any set: "
                f"{needed_images(self.asked)} of a class are needed."
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, ready for JSON: NaN becomes `None`."""
        return dict(
            as_json(
                {
                    "asked": self.asked,
                    "coverage": self.coverage.to_dict(),
                    "mean_size": self.mean_size,
                    "sizes": self.sizes,
                    "single_accuracy": self.single_accuracy.to_dict(),
                    "per_class": self.per_class.to_dict("index"),
                }
            )
        )

    def __str__(self) -> str:
        return "\n".join([*self.sentences, "", class_table(self.per_class)])


def measure_coverage(
    sets: NDArray[np.bool_],
    labels: NDArray[np.int64],
    codes: NDArray[np.int64],
    *,
    asked: float,
    num_calibration: NDArray[np.int64],
    class_names: Sequence[str],
) -> SetCoverage:
    """Return what sets do, beside what is to be expected of them.

    From n validation images the coverage of a class is a draw from Beta(r, n + 1 - r), so
    m test images of it are covered as often as a beta-binomial says (Vovk 2012).

    Args:
        sets: `(images, classes)` which classes each image's set holds.
        labels: `(images,)` the real classes.
        codes: `(images,)` the group of each image, from `group_codes`.
        asked: share of each class' images whose set shall hold it.
        num_calibration: `(classes,)` validation images behind each class' threshold.
        class_names: in the order of the columns.
    """
    sizes, covered = sets.sum(axis=1), sets[np.arange(len(labels)), labels]
    of_class = [labels == index for index in range(len(class_names))]
    images, numbers = [int(own.sum()) for own in of_class], num_calibration.tolist()
    expected = [_expected(*pair, asked) for pair in zip(numbers, images, strict=True)]
    columns = {
        "images": images,
        **estimate_columns("coverage", (_share(covered[own], codes[own]) for own in of_class)),
        "expected_low": [low for low, _ in expected],
        "expected_high": [high for _, high in expected],
        "mean_size": [sizes[own].mean() if own.any() else np.nan for own in of_class],
        "calibration_images": numbers,
        "always": [needed_rank(number, asked) > number for number in numbers],
    }
    single = sizes == 1
    return SetCoverage(
        coverage=_share(covered, codes),
        mean_size=float(sizes.mean()),
        sizes=np.bincount(sizes, minlength=sets.shape[1] + 1),
        single_accuracy=_share(covered[single], codes[single]),
        per_class=pd.DataFrame(columns, index=pd.Index(class_names, name="class")),
        asked=asked,
    )


def needed_rank(number: int, coverage: float) -> int:
    """Return which of `number` validation images, the surest first, gives the threshold."""
    return math.ceil((number + 1) * coverage - 1e-9)  # 10 * 0.9 is a little above 9


def needed_images(coverage: float) -> int:
    """Return how many validation images of a class a threshold needs at least."""
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def _expected(number: int, images: int, coverage: float) -> tuple[float, float]:
    rank = needed_rank(number, coverage)
    if rank > number or images == 0:
        return (1.0, 1.0) if images else (math.nan, math.nan)
    low, high = betabinom.ppf(_LIMITS, images, rank, number + 1 - rank) / images
    return float(low), float(high)


def _share(right: NDArray[np.bool_], codes: NDArray[np.int64]) -> Estimate:
    if len(right) == 0:
        return Estimate(math.nan, math.nan, math.nan, "exact")
    if len(np.unique(codes)) < len(codes):
        sums = [group_sums(column[:, None], codes) for column in (right, np.ones(len(right)))]
        return share_estimates(*sums)[0]
    found = binomtest(int(right.sum()), len(right)).proportion_ci(0.95, method="exact")
    return Estimate(float(right.mean()), float(found.low), float(found.high), "exact")
