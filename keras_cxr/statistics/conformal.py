"""Sets of classes that hold the real one as often as was asked, class by class."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.disk.documents import COUNT, SHARE, Document
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr.errors import InvalidArgumentError, NotFoundError
from keras_cxr.statistics.checks import checked_names, checked_predictions, checked_probabilities
from keras_cxr.statistics.intervals.resampling import group_codes
from keras_cxr.statistics.set_coverage import SetCoverage, measure_coverage, needed_rank

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
    remedy="Fit the sets again with ConformalSets.fit.",
    version=SCHEMA_VERSION,
    rule=_other_lengths,
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
        """Return the sets whose thresholds are taken from images the model was not trained on.

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
        real, scores = checked_predictions(labels, probabilities)
        count = scores.shape[1]
        thresholds, numbers = np.zeros(count), np.bincount(real, minlength=count)
        for index, number in enumerate(numbers):
            rank = needed_rank(int(number), coverage)
            if rank <= number:
                own = np.sort(scores[real == index, index])[::-1]
                thresholds[index] = own[rank - 1]
        return cls(thresholds, numbers, coverage, checked_names(class_names, count))

    def sets(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """Return which classes each image's set holds, `(images, classes)`.

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
        """Return what the sets do on the TEST part, beside what is to be expected.

        Args:
            labels: `(images,)` whole numbers in [0, classes): the real classes.
            probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
            groups: `(images,)` patients or groups of copies, which count once; `""` or `None`
                for an image alone. What is expected takes images as independent all the same.
        """
        real, scores = checked_predictions(labels, probabilities)
        return measure_coverage(
            self.sets(scores),
            real,
            group_codes(groups, len(real)),
            asked=self.coverage,
            num_calibration=self.num_calibration,
            class_names=self.class_names,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what `save` writes."""
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
        """Return what `save` wrote.

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
