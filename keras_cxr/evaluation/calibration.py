"""Whether a model that says 80 % is right in 80 of 100 such cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr.evaluation.estimates import Estimate, checked_names, plain, share_estimates
from keras_cxr.evaluation.metrics import checked_answers
from keras_cxr.evaluation.resampling import NUM_RESAMPLES, Floats, group_codes, group_sums, resample

NUM_BINS = 15  # as in Guo et al. 2017
NUM_SIGNS = 500  # draws of chance: a mean and a 95 % quantile need fewer than an interval
SMALLEST_BIN = 20  # images; in smaller bins the share of right answers is mostly noise


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
            calibrated, with as many images in such groups.
        ece_limit: what it would stay below in 95 of 100 such test sets.
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
        gap, points = self.overconfidence, 100 * abs(self.overconfidence.value)
        low, high = sorted(100 * limit for limit in gap.interval)
        more = "more" if gap.value > 0 else "less"
        beyond = "beyond" if self.ece > self.ece_limit else "within"
        return (
            f"On {self.num_images:,} test images the model is on average {points:.1f} percentage "
            f"points {more} sure of its answers than it is right (confidence minus accuracy "
            f"between {low:+.1f} and {high:+.1f}).",
            f"Its expected calibration error is {self.ece:.3f}; a perfectly calibrated model "
            f"would show {self.ece_if_calibrated:.3f} on as many images and stay below "
            f"{self.ece_limit:.3f} in 95 of 100 test sets, so this is {beyond} what chance "
            "explains.",
            self._worst_class(),
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
        """Every figure, ready for JSON: NaN becomes `None`."""
        return {
            "num_images": self.num_images,
            "num_groups": self.num_groups,
            "log_loss": self.log_loss.to_dict(),
            "brier": self.brier.to_dict(),
            "brier_of_shares": self.brier_of_shares,
            "overconfidence": self.overconfidence.to_dict(),
            "ece": self.ece,
            "ece_if_calibrated": self.ece_if_calibrated,
            "ece_limit": self.ece_limit,
            "bins": [_plain_row(row) for row in self.bins.to_dict("records")],
            "per_class": {
                str(name): _plain_row(row) for name, row in self.per_class.to_dict("index").items()
            },
        }

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.num_images:,} images in {self.num_groups:,} groups, 95 % intervals",
                f"log loss        {self.log_loss}",
                f"Brier score     {self.brier}, of the class shares {self.brier_of_shares:.3f}",
                f"overconfidence  {self.overconfidence}",
                f"ECE             {self.ece:.3f}, if calibrated {self.ece_if_calibrated:.3f}, "
                f"95 % of those below {self.ece_limit:.3f}",
                "",
                self.per_class.rename_axis(None).to_string(float_format="{:.3f}".format),
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
    """How well probabilities fit what comes true, with intervals and what chance alone would do.

    ECE = sum over bins b of n_b / n |right_b - confidence_b| (Naeini et al. 2015), on bins of
    equally many images (Nixon et al. 2019): bins of equal width leave most of them nearly empty.
    It is biased upwards, the more so the fewer images (Broecker & Smith 2007; Kumar et al.
    2019). What chance alone would show comes from the model's own residuals (right or not, minus
    confidence): their mean is taken out of each bin, then every group's are given a random sign,
    again and again. Copies and patients keep their weight that way.

    Args:
        labels: `(images,)` whole numbers in [0, classes): the real classes.
        probabilities: `(images, classes)` in [0, 1], each row adding up to 1.
        groups: `(images,)` patients or groups of copies; `""` or `None` for an image alone.
        class_names: in the order of the columns, "0", "1", … by default.
        num_bins: at most so many bins, and no more than leave 20 images to each.
        num_resamples: how often groups are drawn for the intervals.
        seed: of the draws.

    Raises:
        InvalidArgumentError: (a ValueError) the arrays do not fit each other.

    Examples:
        >>> labels = [0, 0, 0, 1] * 50  # right three times of four, but 95 % sure
        >>> found = measure_calibration(labels, [[0.95, 0.05]] * 200)
        >>> f"{found.ece:.2f} {found.ece_limit:.2f} {found.overconfidence}"
        '0.20 0.06 0.200 [0.142, 0.265]'
    """
    real, scores = checked_answers(labels, probabilities)
    names = checked_names(class_names, scores.shape[1])
    codes = group_codes(groups, len(real))
    truth = np.eye(scores.shape[1])[real]
    right = (scores.argmax(axis=1) == real).astype(np.float64)
    confidence = scores.max(axis=1)
    bins = equal_bins(confidence, num_bins)
    options: dict[str, Any] = {"num_resamples": num_resamples, "seed": seed}

    smallest = np.finfo(np.float64).eps  # scikit-learn's, so that log losses agree
    losses = -np.log(np.clip(scores[np.arange(len(real)), real], smallest, None))
    values = np.column_stack(
        [losses, np.sum((scores - truth) ** 2, axis=1), confidence - right, scores - truth]
    )
    found = _means(values, codes, **options)
    binned = [bins, *(equal_bins(column, num_bins) for column in scores.T)]
    errors, by_chance = _errors(
        np.column_stack([confidence - right, scores - truth]), binned, codes, seed=seed
    )
    shares, excess = truth.mean(axis=0), found[3:]
    per_class = {
        "images": truth.sum(axis=0).astype(int),
        "share": shares,
        "mean_probability": scores.mean(axis=0),
        "excess": [estimate.value for estimate in excess],
        "excess_low": [estimate.low for estimate in excess],
        "excess_high": [estimate.high for estimate in excess],
        "ece": errors[1:],
        "ece_if_calibrated": by_chance[:, 1:].mean(axis=0),
    }
    return Calibration(
        log_loss=found[0],
        brier=found[1],
        brier_of_shares=float(1 - np.sum(shares**2)),
        overconfidence=found[2],
        ece=float(errors[0]),
        ece_if_calibrated=float(by_chance[:, 0].mean()),
        ece_limit=float(np.quantile(by_chance[:, 0], 0.95)),
        bins=_reliability(confidence, right, bins, codes, **options),
        per_class=pd.DataFrame(per_class, index=pd.Index(names, name="class")),
        num_images=len(real),
        num_groups=int(codes.max()) + 1,
    )


def equal_bins(values: Floats, num_bins: int) -> NDArray[np.int64]:
    """The bin `(images,)` of each value; all hold about as many images, equal values together.

    Args:
        values: `(images,)`.
        num_bins: at most so many, and no more than leave 20 images to each.
    """
    wanted = max(1, min(num_bins, len(values) // SMALLEST_BIN))
    edges = np.quantile(values, np.linspace(0, 1, wanted + 1)[1:-1])
    found: NDArray[np.int64] = np.unique(
        np.searchsorted(edges, values, side="right"), return_inverse=True
    )[1]
    return found


def _means(
    values: Floats, codes: NDArray[np.int64], *, num_resamples: int, seed: int
) -> list[Estimate]:
    """The mean of each column with its BCa interval."""
    totals = group_sums(np.column_stack([values, np.ones(len(values))]), codes)
    sums = resample(totals, num_resamples=num_resamples, seed=seed)
    means, limits = sums.estimate(lambda x: x[..., :-1] / x[..., -1:])
    return [Estimate.of(mean, pair) for mean, pair in zip(means, limits, strict=True)]


def _errors(
    residuals: Floats, binned: list[NDArray[np.int64]], codes: NDArray[np.int64], *, seed: int
) -> tuple[Floats, Floats]:
    """The ECE of each column of residuals, and what it would be by chance, a row per draw."""
    totals, centred = [], []
    for column, bins in zip(residuals.T, binned, strict=True):
        in_bin = np.eye(bins.max() + 1)[bins]
        totals.append(column @ in_bin)
        means = totals[-1] / in_bin.sum(axis=0)
        centred.append(group_sums(in_bin * (column - means[bins])[:, None], codes))
    starts = np.cumsum([0, *(len(total) for total in totals[:-1])])
    parts, rng = np.hstack(centred).astype(np.float32), np.random.default_rng(seed)
    chance = np.empty((NUM_SIGNS, len(binned)))
    for start in range(0, NUM_SIGNS, 100):  # bounds the memory
        signs = rng.integers(0, 2, (100, len(parts)), dtype=np.int8) * np.float32(2) - 1
        chance[start : start + 100] = np.add.reduceat(np.abs(signs @ parts), starts, axis=1)
    errors = np.array([np.abs(total).sum() for total in totals])
    return errors / len(residuals), chance / len(residuals)


def _reliability(
    confidence: Floats,
    right: Floats,
    bins: NDArray[np.int64],
    codes: NDArray[np.int64],
    *,
    num_resamples: int,
    seed: int,
) -> pd.DataFrame:
    in_bin = np.eye(bins.max() + 1)[bins]
    estimates = share_estimates(
        group_sums(in_bin * right[:, None], codes),
        group_sums(in_bin, codes),
        num_resamples=num_resamples,
        seed=seed,
    )
    return pd.DataFrame(
        {
            "images": in_bin.sum(axis=0).astype(int),
            "confidence": confidence @ in_bin / in_bin.sum(axis=0),
            "accuracy": [estimate.value for estimate in estimates],
            "accuracy_low": [estimate.low for estimate in estimates],
            "accuracy_high": [estimate.high for estimate in estimates],
        }
    )


def _plain_row(row: dict[Any, Any]) -> dict[str, float | int | None]:
    return {str(key): int(value) if key == "images" else plain(value) for key, value in row.items()}
