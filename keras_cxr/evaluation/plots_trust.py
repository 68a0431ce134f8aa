"""Figures of trust: reliability diagrams, risk against coverage.

As in `plots.py`, each function returns a `matplotlib.figure.Figure` that belongs to no window.
"""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.calibration.measure import Calibration
from keras_cxr.statistics.intervals.estimates import number_text
from keras_cxr.statistics.selective import Selection

# blue and grey as in plots.py: told apart with every kind of colour vision, and in print
MODEL_COLOR, REFERENCE_COLOR, CHOSEN_COLOR = "#0072B2", "#777777", "#D55E00"


def plot_reliability(
    calibrations: Calibration | Mapping[str, Calibration], *, title: str = ""
) -> Figure:
    """Reliability diagram: how often answers come true against how sure the model is of them.

    Each dot is a bin of equally many images with its 95 % interval; dots below the diagonal are
    too sure. Several calibrations, such as before and after temperature scaling, stand side by
    side.

    Args:
        calibrations: of `measure_calibration`, or a name for each of several.
        title: printed above.

    Raises:
        InvalidArgumentError: (a ValueError) the mapping is empty.
    """
    named = {"": calibrations} if isinstance(calibrations, Calibration) else dict(calibrations)
    if not named:
        raise InvalidArgumentError("plot_reliability needs at least one Calibration.")
    figure = Figure(figsize=(4.1 * len(named) + 0.3, 4.6), layout="compressed")
    panels = figure.subplots(1, len(named), squeeze=False, sharey=True)
    for axes, (name, calibration) in zip(panels.flat, named.items(), strict=True):
        _draw_bins(axes, calibration)
        axes.set_title(name)
    panels[0, 0].set_ylabel("share of right answers")
    if title:
        figure.suptitle(title)
    return figure


def _draw_bins(axes: Axes, calibration: Calibration) -> None:
    bins = {name: calibration.bins[name].to_numpy() for name in calibration.bins}
    axes.plot([0, 1], [0, 1], "--", color=REFERENCE_COLOR, lw=1, label="as sure as right")
    # the value may lie on a limit; rounding must not put it outside
    below = (bins["accuracy"] - bins["accuracy_low"]).clip(0)
    above = (bins["accuracy_high"] - bins["accuracy"]).clip(0)
    axes.errorbar(
        bins["confidence"],
        bins["accuracy"],
        yerr=[below, above],
        fmt="o",
        ms=5,
        lw=1.2,
        color=MODEL_COLOR,
        label=f"{bins['images'].min()} to {bins['images'].max()} images each",
    )
    # answers of k classes are never less sure than 1 / k: that side of the diagram stays empty
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="mean confidence", aspect="equal")
    axes.text(
        0.97,
        0.04,
        f"ECE {calibration.ece:.3f}\nif calibrated {number_text(calibration.ece_if_calibrated)}\n"
        f"log loss {calibration.log_loss.value:.3f}",
        transform=axes.transAxes,
        ha="right",
        va="bottom",
    )
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left", fontsize=8.5)


def plot_risk_coverage(selection: Selection, *, title: str = "") -> Figure:
    """Share of wrong answers against the share of images that are answered, the surest first.

    The dot is the threshold in use. The dotted line is what a confidence without worth would
    do, the dashed one a confidence that puts every wrong answer last.

    Args:
        selection: of `measure_selection`.
        title: printed above.
    """
    figure = Figure(figsize=(5.6, 4), layout="constrained")
    axes = figure.subplots()
    error = selection.aurc_of_chance
    best = [(max(share - (1 - error), 0) / share) for share in selection.coverages]
    axes.axhline(error, ls=":", color=REFERENCE_COLOR, label="by chance")
    axes.plot(selection.coverages, best, "--", lw=1, color=REFERENCE_COLOR, label="at best")
    axes.plot(selection.coverages, selection.risks, color=MODEL_COLOR, label="this model")
    answered, accuracy = selection.answered.value, selection.accuracy
    if answered > 0:
        risk = 1 - accuracy.value
        below, above = accuracy.high - accuracy.value, accuracy.value - accuracy.low
        axes.errorbar(
            [answered],
            [risk],
            yerr=[[max(below, 0)], [max(above, 0)]],
            fmt="o",
            ms=6,
            color=CHOSEN_COLOR,
            label=f"answered when {selection.threshold:.2f} sure",
        )
    top = max(float(selection.risks.max()), error, 0.02)
    axes.set(
        xlim=(0, 1.02),
        ylim=(0, 1.5 * top),  # room for the legend
        xlabel="images answered, the surest first",
        ylabel="wrong answers among them",
        title=title,
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0 if axis is axes.xaxis else None))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    return figure
