"""What is gained when a model may say "I am not sure" and hand the image to a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.checks import checked_names, checked_predictions, checked_probabilities
from keras_cxr.statistics.intervals.estimates import (
    Estimate,
    class_table,
    estimate_columns,
    estimate_in,
)
from keras_cxr.statistics.intervals.limits import Floats
from keras_cxr.statistics.intervals.resampling import NUM_RESAMPLES, group_codes, group_sums
from keras_cxr.statistics.intervals.shares import share_estimates

CURVE_POINTS = 100  # of a curve in JSON: a step of one percent


@dataclass(frozen=True, eq=False)
class Selection:
    """What a model answers, and how well, when it keeps silent below a confidence.

    What it keeps silent about does not become right: somebody has to look at it. And the share
    holds for images like these; from elsewhere more, or fewer, fall below the threshold.

    Attributes:
        threshold: the confidence (probability of the answer) from which images are answered.
        answered: share of images that are answered.
        accuracy: share of right answers among those answered.
        accuracy_of_all: the same, were all answered.
        accuracy_of_rest: what the answers left out would have reached; NaN where there are none.
        per_class: a row per real class: `images`, `answered` (share of them) and `recall` (of
            those answered), each with limits. A class that is hardly answered is not helped.
        coverages: `(images,)` shares answered, from the surest image to all.
        risks: `(images,)` share of wrong answers among them, on average over equal confidences.
        aurc: mean of `risks` (Geifman & El-Yaniv 2017), in [0, 1]: lower is better.
        aurc_of_chance: the same, were confidence worthless: the error rate.
        aurc_at_best: the same, had every wrong answer less confidence than every right one.
        num_images: how many images.
        num_groups: how many groups; an image alone counts as one.
    """

    threshold: float
    answered: Estimate
    accuracy: Estimate
    accuracy_of_all: Estimate
    accuracy_of_rest: Estimate
    per_class: pd.DataFrame
    coverages: Floats
    risks: Floats
    aurc: float
    aurc_of_chance: float
    aurc_at_best: float
    num_images: int
    num_groups: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in plain sentences."""
        rows = self.per_class[self.per_class["images"] > 0]
        place = int(rows["answered"].to_numpy().argmin())
        row = rows.iloc[place]
        if self.answered.value == 0:
            return (
                f"Answering where it is at least {self.threshold:.2f} sure, the model answers none "
                f"of {self.num_images:,} test images; when it answers all, it is right in "
                f"{self.accuracy_of_all} of them.",
            )
        return (
            f"Answering where it is at least {self.threshold:.2f} sure, the model answers "
            f"{self.answered} of {self.num_images:,} test images and is right in "
            f"{self.accuracy} of those, against {self.accuracy_of_all} when it answers all.",
            f"It answers least often for {rows.index[place]}: "
            f"{estimate_in(row.to_dict(), 'answered')} of {int(row['images']):,} images.",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, the curve at 100 points, ready for JSON: NaN becomes `None`."""
        last = self.num_images - 1
        points = np.unique(np.linspace(0, last, CURVE_POINTS).round().astype(int))
        names = ("answered", "accuracy", "accuracy_of_all", "accuracy_of_rest")
        document = {
            "num_images": self.num_images,
            "num_groups": self.num_groups,
            "threshold": self.threshold,
            **{name: getattr(self, name).to_dict() for name in names},
            "per_class": self.per_class.to_dict("index"),
            "curve": [[self.coverages[i], self.risks[i]] for i in points.tolist()],
            "aurc": self.aurc,
            "aurc_of_chance": self.aurc_of_chance,
            "aurc_at_best": self.aurc_at_best,
        }
        return dict(as_json(document))

    def __str__(self) -> str:
        return "\n".join(
            [
                *self.sentences,
                f"area under risk and coverage {self.aurc:.3f}, by chance "
                f"{self.aurc_of_chance:.3f}, at best {self.aurc_at_best:.3f}",
                "",
                class_table(self.per_class),
            ]
        )


def choose_threshold(probabilities: ArrayLike, *, coverage: float = 0.9) -> float:
    """Return the confidence that the given share of images reaches.

    Take it from the VALIDATION part. The labels are not looked at.

    Args:
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
        coverage: share of images to answer, above 0 and up to 1.

    Raises:
        InvalidArgumentError: (a ValueError) there is no such share or there are no images.

    Examples:
        >>> choose_threshold([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]], coverage=0.75)
        0.7
    """
    if not 0 < coverage <= 1:
        raise InvalidArgumentError(
            f"coverage must lie above 0 and up to 1, for example 0.9, received {coverage!r}."
        )
    scores = checked_probabilities(probabilities)
    if len(scores) == 0:
        raise InvalidArgumentError(
            "Expected probabilities of shape (images, classes) for at least one image, received "
            f"{scores.shape}."
        )
    confidence = np.sort(scores.max(axis=1))[::-1]
    return float(confidence[max(round(coverage * len(confidence)), 1) - 1])


def measure_selection(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    threshold: float,
    groups: Sequence[Any] | ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Selection:
    """Return what a model answers and how well, when it is silent below a confidence.

    Temperature scaling changes confidences and hardly their order: use the threshold with
    probabilities of the same model it was chosen with.

    Args:
        labels: `(images,)` whole numbers in [0, classes): the real classes, of the test part.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
        threshold: from `choose_threshold` on the validation part.
        groups: `(images,)` patients or groups of copies; `""` or `None` for an image alone.
        class_names: in the order of the columns, "0", "1", … by default.
        num_resamples: how often groups are drawn for the intervals.
        seed: of the draws.

    Raises:
        InvalidArgumentError: (a ValueError) the arrays do not fit each other.

    Examples:
        >>> labels = [0, 0, 1, 1] * 25
        >>> scores = [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.1, 0.9]] * 25
        >>> found = measure_selection(labels, scores, threshold=0.7)
        >>> found.answered.value, found.accuracy.value, found.accuracy_of_all.value
        (0.75, 1.0, 0.75)
    """
    real, scores = checked_predictions(labels, probabilities)
    names = checked_names(class_names, scores.shape[1])
    codes = group_codes(groups, len(real))
    confidence = scores.max(axis=1)
    right = scores.argmax(axis=1) == real
    kept = confidence >= threshold - 1e-12  # the last bit of a row's sum
    everyone = np.ones_like(kept)
    shares = [(kept, everyone), (right & kept, kept), (right, everyone), (right & ~kept, ~kept)]
    for index in range(len(names)):
        own = real == index
        shares += [(kept & own, own), (right & kept & own, kept & own)]
    cases, among = (
        group_sums(np.column_stack(columns), codes) for columns in zip(*shares, strict=True)
    )
    found = share_estimates(cases, among, num_resamples=num_resamples, seed=seed)
    coverages, risks = _curve(confidence, right)
    best = _curve(right.astype(np.float64), right)[1]
    return Selection(
        threshold=float(threshold),
        answered=found[0],
        accuracy=found[1],
        accuracy_of_all=found[2],
        accuracy_of_rest=found[3],
        per_class=_per_class(found[4:], names, np.bincount(real, minlength=len(names))),
        coverages=coverages,
        risks=risks,
        aurc=float(risks.mean()),
        aurc_of_chance=float(1 - right.mean()),
        aurc_at_best=float(best.mean()),
        num_images=len(real),
        num_groups=len(cases),
    )


def _per_class(
    found: list[Estimate], names: tuple[str, ...], images: NDArray[np.int64]
) -> pd.DataFrame:
    columns: dict[str, Any] = {"images": images}
    columns |= estimate_columns("answered", found[::2]) | estimate_columns("recall", found[1::2])
    return pd.DataFrame(columns, index=pd.Index(names, name="class"))


def _curve(confidence: Floats, right: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Shares answered and shares of wrong answers among them, the surest images first."""
    # images of equal confidence come in no order: each counts as their mean
    levels = np.unique(-confidence, return_inverse=True)[1]
    wrong = np.bincount(levels, ~right) / np.bincount(levels)
    number = np.arange(1, len(right) + 1)
    return number / len(right), np.cumsum(wrong[np.sort(levels)]) / number
