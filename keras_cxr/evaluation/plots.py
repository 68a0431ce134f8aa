"""Figures: training curves, confusion matrix, answers, reliability diagram, risk over coverage.

Each function returns a `matplotlib.figure.Figure` that belongs to no window and no global
state: call `figure.savefig("curves.png")`, or show it in a notebook by naming it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.result import Evaluation
from keras_cxr.statistics.calibration.measure import Calibration
from keras_cxr.statistics.intervals.estimates import number_text
from keras_cxr.statistics.selective import Selection

# blue and orange of Okabe & Ito 2008, told apart with every kind of colour vision
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#777777"
RIGHT_COLOR, WRONG_COLOR = "#00734F", "#B23A00"


def plot_history(history: Mapping[str, Sequence[float]], *, title: str = "") -> Figure:
    """Return a figure of loss and accuracy per epoch, training beside validation.

    Args:
        history: `TrainingRun.history`: lists named `loss`, `accuracy`, `val_loss`,
            `val_accuracy`, one number an epoch; those that are there are drawn.
        title: printed above both panels.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, key in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        _draw_curves(axes, history, key)
    if title:
        figure.suptitle(title)
    return figure


def _draw_curves(axes: Axes, history: Mapping[str, Sequence[float]], key: str) -> None:
    curves = (
        (key, "training", BLUE, "-"),
        (f"val_{key}", "validation", ORANGE, "--"),
    )
    for name, label, color, style in curves:
        values = history.get(name, ())
        if len(values):
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, style, marker="o", ms=3.5, color=color, label=label)
    axes.set(xlabel="epoch", ylabel=key, title=key.capitalize())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _draw_grid(axes)
    if axes.lines:
        axes.legend(frameon=False)
    if key == "accuracy":
        axes.set_ylim(0, 1.02)


def _draw_grid(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def plot_confusion_matrix(evaluation: Evaluation, *, title: str = "") -> Figure:
    """Return the confusion matrix in percent of the real class, with the counts.

    Args:
        evaluation: what `evaluate` returned.
        title: printed above.
    """
    names = evaluation.class_names
    percent, counts = evaluation.metrics.confusion_percent, evaluation.metrics.confusion
    side = 2.2 + 0.95 * len(names)
    figure = Figure(figsize=(side + 1.2, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(percent):
        shown = "none" if np.isnan(value) else f"{value:.1f} %"
        axes.text(
            column,
            row,
            f"{shown}\n({counts[row, column]:,})",
            ha="center",
            va="center",
            color="white" if value > 55 else "#222222",
        )
    labels = [name.replace("_", " ").replace(" ", "\n", 1) for name in names]
    axes.set_xticks(range(len(names)), labels)
    axes.set_yticks(range(len(names)), labels)
    axes.set(xlabel="predicted class", ylabel="real class", title=title)
    figure.colorbar(image, ax=axes, label="percent of the real class", shrink=0.8)
    return figure


def plot_predictions(
    images: ArrayLike,
    real: Sequence[str],
    predicted: Sequence[str],
    *,
    probabilities: Sequence[float] | None = None,
    columns: int = 4,
    title: str = "",
) -> Figure:
    """Return a grid of images with their classes; wrong answers in orange with a cross.

    Args:
        images: `(count, height, width)`, `(count, height, width, 1)` or `(…, 3)` in [0, 255].
        real: real class names, one per image.
        predicted: predicted class names, one per image.
        probabilities: of the predicted classes, in [0, 1]; printed when given.
        columns: images in a row.
        title: printed above.

    Raises:
        InvalidArgumentError: (a ValueError) the counts differ or there is no image.
    """
    pictures = np.asarray(images)
    if len(pictures) == 0 or not len(pictures) == len(real) == len(predicted):
        raise InvalidArgumentError(
            f"plot_predictions needs as many real ({len(real)}) and predicted ({len(predicted)}) "
            f"classes as images ({len(pictures)}), and at least one."
        )
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(2.5 * columns, 2.95 * rows), layout="constrained")
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for index, (axes, picture) in enumerate(zip(grid.flat, pictures, strict=False)):
        shown = picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture
        axes.imshow(np.clip(shown, 0, 255).astype(np.uint8), cmap="gray", vmin=0, vmax=255)
        right = real[index] == predicted[index]
        sure = "" if probabilities is None else f" {probabilities[index]:.0%}"
        axes.set_title(
            f"{'✓' if right else '✗'} {predicted[index]}{sure}\nreal: {real[index]}",
            fontsize=9,
            color=RIGHT_COLOR if right else WRONG_COLOR,
        )
    if title:
        figure.suptitle(title)
    return figure


def plot_reliability(
    calibrations: Calibration | Mapping[str, Calibration], *, title: str = ""
) -> Figure:
    """Return a reliability diagram: how often answers are right against how sure the model is.

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
    axes.plot([0, 1], [0, 1], "--", color=GREY, lw=1, label="perfectly calibrated")
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
        color=BLUE,
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
    _draw_grid(axes)
    axes.legend(frameon=False, loc="upper left", fontsize=8.5)


def plot_risk_coverage(selection: Selection, *, title: str = "") -> Figure:
    """Return a figure of the share of wrong answers against the share of images answered.

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
    axes.axhline(error, ls=":", color=GREY, label="by chance")
    axes.plot(selection.coverages, best, "--", lw=1, color=GREY, label="at best")
    axes.plot(selection.coverages, selection.risks, color=BLUE, label="this model")
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
            color=ORANGE,
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
    _draw_grid(axes)
    axes.legend(frameon=False, loc="upper left")
    return figure
