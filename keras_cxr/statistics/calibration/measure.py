"""Whether a model that says 80 % is right in 80 of 100 such cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr.statistics.calibration.chance import errors_by_chance
from keras_cxr.statistics.calibration.reliability import (
    NUM_BINS,
    SMALLEST_BIN,
    equal_bins,
    reliability_table,
)
from keras_cxr.statistics.checks import checked_names, checked_predictions
from keras_cxr.statistics.intervals.estimates import (
    Estimate,
    class_table,
    estimate_columns,
    number_text,
)
from keras_cxr.statistics.intervals.limits import Floats
from keras_cxr.statistics.intervals.means import mean_estimates
from keras_cxr.statistics.intervals.resampling import NUM_RESAMPLES, group_codes, group_sums
from keras_cxr.statistics.intervals.shares import share_limits


@dataclass(frozen=True, eq=False)
class Calibration:
    """How well a model's probabilities fit what comes true.

    It speaks of images from the source that was tested. Well calibrated on average can still
    be too sure of one class and not sure enough of another (`per_class`), or wrong elsewhere.

    Attributes:
        log_loss: mean of -ln of the real class' probability: a proper score, lower is better.
        brier: mean over images of the squared distances between probabilities and truth, summed
            over classes, in [0, 2] (Brier 1950): a proper score, lower is better.
        brier_of_shares: Brier score of always answering the classes' shares; what a model
            must stay below to be worth anything.
        overconfidence: mean probability of the answer minus the share of right answers: above
            0 the model is too sure. It has no bias from binning.
        ece: expected calibration error of the answer: mean distance between confidence and
            share of right answers over `bins`, weighted by their images. Never below 0, so
            noise alone raises it: read it beside the next two.
        ece_if_calibrated: what this ECE would be on average were the model perfectly
            calibrated, with as many images in such groups; NaN below 20 groups, which cannot
            tell.
        ece_limit: what it would stay below in 95 of 100 such test sets; NaN where that is.
        bins: the reliability table, a row for each bin of equally many images: `images`,
            `confidence` (mean), `accuracy`, `accuracy_low`, `accuracy_high`.
        per_class: a row per class: `images`, `share` of the images, `mean_probability`, their
            difference `excess` with limits, `ece` of the class' probability against the rest
            and its `ece_if_calibrated`.
        num_images: how many images.
        num_groups: how many groups; an image alone counts as one.
    """

    log_loss: Estimate
    brier: Estimate
    brier_of_shares: float
    overconfidence: Estimate
    ece: float
    ece_if_calibrated: float
    ece_limit: float
    bins: pd.DataFrame
    per_class: pd.DataFrame
    num_images: int
    num_groups: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in plain sentences."""
        gap = self.overconfidence
        low, high = sorted(100 * limit for limit in gap.interval)
        more = "more" if gap.value > 0 else "less"
        return (
            f"On {self.num_images:,} test images the model is on average "
            f"{100 * abs(gap.value):.1f} percentage points {more} sure of its answers than it is "
            f"right (confidence minus accuracy between {number_text(low, 1, signed=True)} and "
            f"{number_text(high, 1, signed=True)}).",
            self._error(),
            self._worst_class(),
        )

    def _error(self) -> str:
        if np.isnan(self.ece_limit):
            groups = f" in {self.num_groups:,} groups" * (self.num_groups < self.num_images)
            return (
                f"Its expected calibration error is {self.ece:.3f}; whether that is more than "
                f"chance explains cannot be told from {self.num_images:,} images{groups}: "
                f"{SMALLEST_BIN} patients or images of their own are needed."
            )
        beyond = "beyond" if self.ece > self.ece_limit else "within"
        return (
            f"Its expected calibration error is {self.ece:.3f}; a perfectly calibrated model "
            f"would show {self.ece_if_calibrated:.3f} on as many images and stay below "
            f"{self.ece_limit:.3f} in 95 of 100 test sets, so this is {beyond} what chance "
            "explains."
        )

    def _worst_class(self) -> str:
        place = int(self.per_class["excess"].abs().to_numpy().argmax())
        row = self.per_class.iloc[place]
        more = "more" if row["excess"] > 0 else "less"
        return (
            f"It gives {self.per_class.index[place]} a probability of "
            f"{row['mean_probability']:.3f} on average, where {row['share']:.3f} of the images "
            f"are of it: {abs(100 * row['excess']):.1f} percentage points {more} (difference "
            f"between {100 * row['excess_low']:+.1f} and {100 * row['excess_high']:+.1f})."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, ready for JSON: NaN becomes `None`."""
        document = {
            "num_images": self.num_images,
            "num_groups": self.num_groups,
            "log_loss": self.log_loss.to_dict(),
            "brier": self.brier.to_dict(),
            "brier_of_shares": self.brier_of_shares,
            "overconfidence": self.overconfidence.to_dict(),
            "ece": self.ece,
            "ece_if_calibrated": self.ece_if_calibrated,
            "ece_limit": self.ece_limit,
            "bins": self.bins.to_dict("records"),
            "per_class": self.per_class.to_dict("index"),
        }
        return dict(as_json(document))

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.num_images:,} images in {self.num_groups:,} groups, 95 % intervals",
                f"log loss        {self.log_loss}",
                f"Brier score     {self.brier}, of the class shares {self.brier_of_shares:.3f}",
                f"overconfidence  {self.overconfidence}",
                f"ECE             {self.ece:.3f}, if calibrated "
                f"{number_text(self.ece_if_calibrated)}, "
                f"95 % of those below {number_text(self.ece_limit)}",
                "",
                class_table(self.per_class),
            ]
        )


def measure_calibration(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    groups: Sequence[Any] | ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    num_bins: int = NUM_BINS,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Calibration:
    """Return how well probabilities fit what comes true, beside what chance alone would do.

    ECE = sum over bins b of n_b / n |right_b - confidence_b| (Naeini et al. 2015), on bins of
    equally many images (Nixon et al. 2019): bins of equal width leave most of them nearly empty.
    It is biased upwards, the more so the fewer images (Broecker & Smith 2007; Kumar et al.
    2019). What chance alone would show comes from answers that are drawn with the model's own
    probabilities, again and again, as alike within groups as the real ones are
    (`errors_by_chance`). Below 20 groups it is not given: so few cannot tell how alike they are.

    Args:
        labels: `(images,)` whole numbers in [0, classes): the real classes.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
        groups: `(images,)` patients or groups of copies; `""` or `None` for an image alone.
        class_names: in the order of the columns, "0", "1", … by default.
        num_bins: at most so many bins, and no more than leave 20 groups to each.
        num_resamples: how often groups are drawn for the intervals.
        seed: of the draws.

    Raises:
        InvalidArgumentError: (a ValueError) the arrays do not fit each other.

    Examples:
        >>> labels = [0, 0, 0, 1] * 50  # right three times of four, but 95 % sure
        >>> found = measure_calibration(labels, [[0.95, 0.05]] * 200)
        >>> f"{found.ece:.2f} {found.ece_limit:.2f} {found.overconfidence}"
        '0.20 0.03 0.200 [0.142, 0.265]'
    """
    real, scores = checked_predictions(labels, probabilities)
    names, codes = checked_names(class_names, scores.shape[1]), group_codes(groups, len(real))
    truth = np.eye(scores.shape[1])[real]
    right = (scores.argmax(axis=1) == real).astype(np.float64)
    columns = np.column_stack([scores.max(axis=1), scores])
    came_true = np.column_stack([right, truth])
    binned = [equal_bins(column, num_bins, codes) for column in columns.T]
    options: dict[str, Any] = {"num_resamples": num_resamples, "seed": seed}

    smallest = np.finfo(np.float64).eps  # scikit-learn's, so that log losses agree
    losses = -np.log(np.clip(scores[np.arange(len(real)), real], smallest, None))
    losses = np.column_stack([losses, np.sum((scores - truth) ** 2, axis=1)])
    log_loss, brier, *gaps = mean_estimates(
        np.hstack([losses, columns - came_true]), codes, **options
    )
    overconfidence, *excess = _gaps(gaps, columns, came_true, codes)
    errors, by_chance = errors_by_chance(columns, came_true, binned, codes, seed=seed)
    num_groups = int(codes.max()) + 1
    if num_groups < SMALLEST_BIN:
        by_chance = np.full_like(by_chance, np.nan)
    shares = truth.mean(axis=0)
    per_class = {
        "images": truth.sum(axis=0).astype(int),
        "share": shares,
        "mean_probability": scores.mean(axis=0),
        **estimate_columns("excess", excess),
        "ece": errors[1:],
        "ece_if_calibrated": by_chance[:, 1:].mean(axis=0),
    }
    return Calibration(
        log_loss=log_loss,
        brier=brier,
        brier_of_shares=float(1 - np.sum(shares**2)),
        overconfidence=overconfidence,
        ece=float(errors[0]),
        ece_if_calibrated=float(by_chance[:, 0].mean()),
        ece_limit=float(np.quantile(by_chance[:, 0], 0.95)),
        bins=reliability_table(columns[:, 0], right, binned[0], codes, **options),
        per_class=pd.DataFrame(per_class, index=pd.Index(names, name="class")),
        num_images=len(real),
        num_groups=num_groups,
    )


def _gaps(
    found: list[Estimate], columns: Floats, came_true: Floats, codes: NDArray[np.int64]
) -> list[Estimate]:
    """Mean probability minus share that came true, of each column, with its limits.

    Where few groups hold a wrong answer or a right one, resampled residuals know as little as
    resampled shares do: the share's own limits take their place, the mean probability taken as
    known, which is rather too wide than too narrow.
    """
    means = columns.mean(axis=0)
    resampled = np.array(
        [(mean - one.high, mean - one.low) for mean, one in zip(means, found, strict=True)]
    )
    sums = group_sums(came_true, codes)
    among = np.repeat(group_sums(np.ones((len(codes), 1)), codes), sums.shape[1], axis=1)
    limits, methods = share_limits(sums, among, resampled)
    return [
        Estimate(one.value, float(mean - high), float(mean - low), method)
        for one, mean, (low, high), method in zip(found, means, limits, methods, strict=True)
    ]
