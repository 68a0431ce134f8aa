"""Sets of classes that hold the real one as often as was asked, class by class."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import betabinom, binomtest

from keras_cxr._support.disk.documents import COUNT, SHARE, Document
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.text.terminal import NO_NUMBER
from keras_cxr.errors import InvalidArgumentError, NotFoundError
from keras_cxr.statistics.checks import checked_answers, checked_probabilities
from keras_cxr.statistics.intervals.estimates import Estimate, checked_names, plain
from keras_cxr.statistics.intervals.resampling import group_codes, group_sums
from keras_cxr.statistics.intervals.shares import share_estimates

SCHEMA_VERSION = 1


def _other_lengths(found: dict[str, Any]) -> str:
    lengths = {len(found[name]) for name in ("class_names", "thresholds", "num_calibration")}
    return "" if len(lengths) == 1 and min(lengths) else "has lists of other lengths or no class"


_SETS = Document(
    what="prediction sets of keras-cxr",
    form={
        "coverage": SHARE,
        "class_names": [str],
        "thresholds": [SHARE],
        "num_calibration": [COUNT],
    },
    mend="Fit the sets again with ConformalSets.fit.",
    version=SCHEMA_VERSION,
    rule=_other_lengths,
)
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
            f"The class they hold least often is {lowest}: {row['coverage']:.3f} "
            f"[{row['coverage_low']:.3f}, {row['coverage_high']:.3f}] of its "
            f"{int(row['images']):,} images; {row['expected_low']:.3f} to "
            f"{row['expected_high']:.3f} was to be expected.",
        ]
        always = [str(name) for name in self.per_class.index[self.per_class["always"]]]
        if always:
            found.append(
                f"Too few validation images to leave {', '.join(always)} out of any set: "
                f"{_needed(self.asked)} of a class are needed."
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Every figure, ready for JSON: NaN becomes `None`."""
        whole = ("images", "calibration_images")
        return {
            "asked": self.asked,
            "coverage": self.coverage.to_dict(),
            "mean_size": self.mean_size,
            "sizes": self.sizes.tolist(),
            "single_accuracy": self.single_accuracy.to_dict(),
            "per_class": {
                str(name): {
                    str(key): bool(value)
                    if key == "always"
                    else (int(value) if key in whole else plain(value))
                    for key, value in row.items()
                }
                for name, row in self.per_class.to_dict("index").items()
            },
        }

    def __str__(self) -> str:
        return "\n".join(
            [
                *self.sentences,
                "",
                self.per_class.rename_axis(None).to_string(
                    float_format="{:.3f}".format, na_rep=NO_NUMBER
                ),
            ]
        )


@dataclass(frozen=True, eq=False)
class ConformalSets:
    """Makes sets of classes from probabilities; `fit` chooses the thresholds.

    Class-conditional split conformal prediction (Vovk 2012; Sadinle, Lei & Wasserman 2019): a
    class is in the set of an image when its probability is at least the class' threshold. Among
    all rules with this promise for each class, these have the smallest sets on average if the
    probabilities are right (Sadinle et al.); adaptive sets (APS, RAPS) are larger and promise
    no more. One threshold for all classes would hold on average and fail the rare class.

    Attributes:
        thresholds: `(classes,)` in [0, 1]; 0 puts the class into every set.
        num_calibration: `(classes,)` validation images behind each.
        coverage: share of each class' images whose set shall hold it.
        class_names: in the order of the probabilities' columns.
    """

    thresholds: NDArray[np.float64]
    num_calibration: NDArray[np.int64]
    coverage: float
    class_names: tuple[str, ...]

    @classmethod
    def fit(
        cls,
        labels: ArrayLike,
        probabilities: ArrayLike,
        *,
        coverage: float = 0.9,
        class_names: Sequence[str] | None = None,
    ) -> "ConformalSets":
        """The sets whose thresholds are taken from images the model was not trained on.

        Of a class with n images the threshold is the r-th highest of their probabilities of it,
        with r = ceil((n + 1) coverage). With r > n, no threshold keeps the promise and the class
        is put into every set: at 90 % a class needs 9 images, and some hundreds for coverage
        near 90 % rather than 90 % on average.

        Args:
            labels: `(images,)` whole numbers in [0, classes), of the VALIDATION part.
            probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
            coverage: between 0 and 1.
            class_names: in the order of the columns, "0", "1", … by default.

        Raises:
            InvalidArgumentError: (a ValueError) the arrays do not fit, or no such coverage.

        Examples:
            >>> labels = [0, 1] * 10
            >>> scores = [[0.7, 0.3], [0.4, 0.6]] * 10
            >>> ConformalSets.fit(labels, scores).sets([[0.65, 0.35], [0.2, 0.8]]).tolist()
            [[False, False], [False, True]]
        """
        if not 0 < coverage < 1:
            raise InvalidArgumentError(
                f"coverage must lie between 0 and 1, for example 0.9, received {coverage!r}."
            )
        real, scores = checked_answers(labels, probabilities)
        count = scores.shape[1]
        thresholds, numbers = np.zeros(count), np.bincount(real, minlength=count)
        for index, number in enumerate(numbers):
            rank = _rank(int(number), coverage)
            if rank <= number:
                own = np.sort(scores[real == index, index])[::-1]
                thresholds[index] = own[rank - 1]
        return cls(thresholds, numbers, coverage, checked_names(class_names, count))

    def sets(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """Which classes each image's set holds, `(images, classes)`.

        Args:
            probabilities: `(images, classes)` in [0, 1], of the model that was fitted.

        Raises:
            InvalidArgumentError: (a ValueError) another number of classes, or no probabilities.
        """
        scores = checked_probabilities(probabilities)
        if scores.shape[1] != len(self.thresholds):
            raise InvalidArgumentError(
                f"Expected probabilities of shape (images, {len(self.thresholds)}), received "
                f"{scores.shape}."
            )
        return scores >= self.thresholds - 1e-12  # the last bit must not leave a class out

    def measure(
        self,
        labels: ArrayLike,
        probabilities: ArrayLike,
        *,
        groups: Sequence[Any] | ArrayLike | None = None,
    ) -> SetCoverage:
        """What the sets do on the TEST part, beside what is to be expected.

        From n validation images the coverage of a class is a draw from Beta(r, n + 1 - r), so
        m test images of it are covered as often as a beta-binomial says (Vovk 2012).

        Args:
            labels: `(images,)` whole numbers in [0, classes): the real classes.
            probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
            groups: `(images,)` patients or groups of copies, which count once; `""` or `None`
                for an image alone. What is expected takes images as independent all the same.
        """
        real, scores = checked_answers(labels, probabilities)
        sets, codes = self.sets(scores), group_codes(groups, len(real))
        sizes, covered = sets.sum(axis=1), sets[np.arange(len(real)), real]
        rows = []
        for index, number in enumerate(self.num_calibration):
            own = real == index
            found, images = _share(covered[own], codes[own]), int(own.sum())
            low, high = _expected(int(number), self.coverage, images)
            rows.append(
                {
                    "images": images,
                    "coverage": found.value,
                    "coverage_low": found.low,
                    "coverage_high": found.high,
                    "expected_low": low,
                    "expected_high": high,
                    "mean_size": sizes[own].mean() if images else np.nan,
                    "calibration_images": int(number),
                    "always": _rank(int(number), self.coverage) > number,
                }
            )
        single = sizes == 1
        return SetCoverage(
            coverage=_share(covered, codes),
            mean_size=float(sizes.mean()),
            sizes=np.bincount(sizes, minlength=sets.shape[1] + 1),
            single_accuracy=_share(covered[single], codes[single]),
            per_class=pd.DataFrame(rows, index=pd.Index(self.class_names, name="class")),
            asked=self.coverage,
        )

    def to_dict(self) -> dict[str, Any]:
        """What `save` writes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "coverage": self.coverage,
            "class_names": list(self.class_names),
            "thresholds": self.thresholds.tolist(),
            "num_calibration": self.num_calibration.tolist(),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON, whole or not at all."""
        write_json(Path(path), self.to_dict())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "ConformalSets":
        """What `save` wrote.

        Raises:
            NotFoundError: there is no such file.
            DataError: (a ValueError) it holds something else, or of a later version.
        """
        if not Path(path).is_file():
            raise NotFoundError(f"There is no file {path}; ConformalSets.save writes one.")
        found = _SETS.read(Path(path))
        return cls(
            np.array(found["thresholds"], np.float64),
            np.array(found["num_calibration"], np.int64),
            float(found["coverage"]),
            tuple(found["class_names"]),
        )


def _rank(number: int, coverage: float) -> int:
    return math.ceil((number + 1) * coverage - 1e-9)  # 10 * 0.9 is a little above 9


def _needed(coverage: float) -> int:
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def _expected(number: int, coverage: float, images: int) -> tuple[float, float]:
    rank = _rank(number, coverage)
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
