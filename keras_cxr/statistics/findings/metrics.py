"""`measure_findings`: how well findings that do not exclude each other are told, one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.findings.checks import checked_findings
from keras_cxr.statistics.findings.ranking import (
    UNKNOWN,
    auc_estimate,
    average_precision_estimate,
)
from keras_cxr.statistics.intervals.estimates import Estimate, estimate_columns, on_test_images
from keras_cxr.statistics.intervals.resampling import NUM_RESAMPLES, group_codes, group_sums
from keras_cxr.statistics.intervals.shares import (
    f1_estimate,
    group_likeness,
    mean_interval,
    share_estimates,
)

Floats = NDArray[np.float64]

RANKED = ("roc_auc", "average_precision")
"""What needs no operating point."""
CALLED = ("sensitivity", "specificity", "precision", "negative_predictive_value", "f1")
"""What is said of answers from an operating point on."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FindingMetrics:
    """What labels and scores of findings say; one entry for each finding in the tuples.

    A finding whose known images are all alike has no ROC AUC: NaN, never 0. Intervals are of 95 %
    and count patients, not images. They do not show what other hospitals or wrong labels would do.

    Attributes:
        finding_names: in the order of the columns.
        prevalence: share of the known images that have the finding.
        roc_auc: area under the ROC curve.
        average_precision: area under the precision-recall curve; by guessing it is the prevalence.
        operating_points: the score from which on a finding is called; NaN where none was chosen.
        sensitivity: share of the images with the finding that are called; of the recall's two
            names the one that readers use.
        specificity: share of the images without it that are not called.
        precision: share of the called that have it (positive predictive value, at this prevalence).
        negative_predictive_value: share of those not called that do not have it.
        f1: harmonic mean of sensitivity and precision.
        macro_roc_auc: mean of the areas of the findings that have one.
        macro_average_precision: mean of their average precisions.
        micro_roc_auc: area over all known pairs of image and finding in one ranking.
        num_positive: images with each finding.
        num_negative: images without it.
        num_unknown: images of which it is not known, which nothing here counts.
        num_images: how many images.
        num_groups: how many patients or groups; an image alone counts as one.
    """

    finding_names: tuple[str, ...]
    prevalence: tuple[Estimate, ...]
    roc_auc: tuple[Estimate, ...]
    average_precision: tuple[Estimate, ...]
    operating_points: tuple[float, ...]
    sensitivity: tuple[Estimate, ...]
    specificity: tuple[Estimate, ...]
    precision: tuple[Estimate, ...]
    negative_predictive_value: tuple[Estimate, ...]
    f1: tuple[Estimate, ...]
    macro_roc_auc: Estimate
    macro_average_precision: Estimate
    micro_roc_auc: Estimate
    num_positive: tuple[int, ...]
    num_negative: tuple[int, ...]
    num_unknown: tuple[int, ...]
    num_images: int
    num_groups: int

    @property
    def table(self) -> pd.DataFrame:
        """A row for each finding; estimates have columns with `_low` and `_high` behind them."""
        columns: dict[str, Any] = {
            name: getattr(self, name) for name in ("num_positive", "num_negative", "num_unknown")
        }
        for name in ("prevalence", *RANKED):
            columns |= estimate_columns(name, getattr(self, name))
        columns["operating_point"] = self.operating_points
        for name in CALLED:
            columns |= estimate_columns(name, getattr(self, name))
        return pd.DataFrame(columns, index=pd.Index(self.finding_names, name="finding"))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The figures in plain sentences."""
        on = on_test_images(self.num_images, self.num_groups)
        told = [name for name, one in self._areas if np.isfinite(one.value)]
        untold = [name for name, one in self._areas if not np.isfinite(one.value)]
        found = []
        if told:
            found.append(
                f"The mean ROC AUC over {len(told)} findings is {self.macro_roc_auc} {on}."
            )
            weakest = min(
                (one for one in self._areas if one[0] in told), key=lambda one: one[1].value
            )
            found.append(f"The finding told worst is {weakest[0]}: ROC AUC {weakest[1]}.")
        if untold:
            found.append(
                f"Nothing can be said of {', '.join(untold)}: all images of which it is known are "
                "alike."
            )
        return tuple(found)

    @property
    def _areas(self) -> list[tuple[str, Estimate]]:
        return list(zip(self.finding_names, self.roc_auc, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, ready for JSON: NaN becomes `None`."""
        counts = ("num_positive", "num_negative", "num_unknown")
        return {
            "num_images": self.num_images,
            "num_groups": self.num_groups,
            **{
                name: getattr(self, name).to_dict()
                for name in ("macro_roc_auc", "macro_average_precision", "micro_roc_auc")
            },
            "findings": {
                finding: as_json(
                    {name: getattr(self, name)[index] for name in counts}
                    | {"operating_point": self.operating_points[index]}
                    | {
                        name: getattr(self, name)[index].to_dict()
                        for name in ("prevalence", *RANKED, *CALLED)
                    }
                )
                for index, finding in enumerate(self.finding_names)
            },
        }

    def __str__(self) -> str:
        shown = {"positive": [f"{one:,}" for one in self.num_positive]}
        for name, title in (
            ("roc_auc", "ROC AUC"), ("sensitivity", "sensitivity"), ("specificity", "specificity"),
        ):  # fmt: skip
            estimates = getattr(self, name)
            if any(np.isfinite(one.value) for one in estimates):
                shown[title] = [one.text(2) for one in estimates]
        table = pd.DataFrame(shown, index=pd.Index(self.finding_names))
        return "\n".join([*self.sentences, "", table.to_string()])


def measure_findings(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    finding_names: Sequence[str] | None = None,
    operating_points: ArrayLike | None = None,
    groups: Sequence[Any] | ArrayLike | None = None,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> FindingMetrics:
    """Return for each finding how well scores rank films with it above those without, and more.

    Images of which a finding is not known are left out for that finding alone.

    Args:
        labels: `(images, findings)`: 1 there, 0 not there, NaN not known.
        scores: `(images, findings)`, higher where a finding is likelier.
        finding_names: in the order of the columns; "0", "1", … by default.
        operating_points: `(findings,)` scores from which on each is called, such as
            `choose_operating_points` takes from validation images; NaN for none. Without, nothing
            is said of answers.
        groups: `(images,)` patients or groups of copies, which the intervals count as one each;
            `""` or `None` for an image alone. Without, all images count as independent.
        num_resamples: how often groups are drawn for shares.
        seed: of the draws.

    Raises:
        InvalidArgumentError: (a ValueError) the arrays do not fit each other.

    Examples:
        >>> found = measure_findings([[0], [0], [1], [1]], [[0.1], [0.6], [0.4], [0.9]])
        >>> found.roc_auc[0].value
        0.75
    """
    real, given, names = checked_findings(labels, scores, finding_names)
    codes = group_codes(groups, len(real))
    points = _checked_points(operating_points, len(names))
    known = ~np.isnan(real)
    ranked: dict[str, list[Estimate]] = {name: [] for name in RANKED}
    for index in range(len(names)):
        rows = known[:, index]
        one = (real[rows, index], given[rows, index], codes[rows])
        area = auc_estimate(*one) if rows.any() else UNKNOWN
        ranked["roc_auc"].append(area)
        precision = UNKNOWN if np.isnan(area.value) else average_precision_estimate(*one)
        ranked["average_precision"].append(precision)
    shares = _shares(real, given, points, codes, num_resamples=num_resamples, seed=seed)
    positives = group_sums(np.nan_to_num(real), codes)
    rows, columns = np.nonzero(known)
    return FindingMetrics(
        finding_names=names,
        operating_points=tuple(map(float, points)),
        **{name: tuple(found) for name, found in (ranked | shares).items()},
        macro_roc_auc=_macro(ranked["roc_auc"], positives),
        macro_average_precision=_macro(ranked["average_precision"], positives),
        micro_roc_auc=auc_estimate(real[known], given[known], codes[rows])
        if len(columns)
        else UNKNOWN,
        num_positive=_counts(real == 1),
        num_negative=_counts(real == 0),
        num_unknown=_counts(~known),
        num_images=len(real),
        num_groups=len(positives),
    )


def _checked_points(points: ArrayLike | None, count: int) -> Floats:
    if points is None:
        return np.full(count, np.nan)
    found = np.asarray(points, np.float64)
    if found.shape != (count,):
        raise InvalidArgumentError(
            f"operating_points has shape {found.shape}, and there are {count} findings: give one "
            "score for each, NaN for none."
        )
    return found


def _counts(those: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(count) for count in those.sum(axis=0))


def _shares(
    real: Floats, given: Floats, points: Floats, codes: NDArray[np.int64], **resampling: int
) -> dict[str, list[Estimate]]:
    """Return prevalence, and for the answers from the operating points on what `CALLED` names."""
    known, there = ~np.isnan(real), real == 1
    with np.errstate(invalid="ignore"):
        called = given >= points
    answered = known & np.isfinite(points)
    absent = answered & (real == 0)
    cases = {
        "prevalence": (there, known),
        "sensitivity": (there & called, there & answered),
        "specificity": (absent & ~called, absent),
        "precision": (there & called & answered, called & answered),
        "negative_predictive_value": (absent & ~called, answered & ~called),
        "f1": (there & called, answered & (there | called)),
    }
    found = {}
    for name, (right, among) in cases.items():
        right, among = group_sums(right & among, codes), group_sums(among, codes)
        estimates = share_estimates(right, among, **resampling)
        some = among.sum(axis=0) > 0
        estimates = [one if any_ else UNKNOWN for one, any_ in zip(estimates, some, strict=True)]
        found[name] = [f1_estimate(one) for one in estimates] if name == "f1" else estimates
    return found


def _macro(estimates: list[Estimate], positives: Floats) -> Estimate:
    """Return the mean of the findings that have a number; by square and add, as alike as they are.

    Findings of the same films are alike as their positives share groups (`group_likeness`).
    """
    told = [index for index, one in enumerate(estimates) if np.isfinite(one.value)]
    if not told:
        return UNKNOWN
    values = np.array([estimates[index].value for index in told])
    limits = np.array([estimates[index].interval for index in told])
    low, high = mean_interval(values, limits, group_likeness(positives[:, told]))
    return Estimate(float(values.mean()), low, high, "square and add")
