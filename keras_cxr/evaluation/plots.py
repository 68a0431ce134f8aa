"""Figures for eyes: training curves, confusion matrix, images with their answers.

Each function returns a `matplotlib.figure.Figure` that belongs to no window and no global
state: call `figure.savefig("curves.png")`, or show it in a notebook by naming it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.evaluation import Evaluation

# blue and orange of Okabe & Ito 2008, told apart with every kind of colour vision
TRAINING_COLOR, VALIDATION_COLOR = "#0072B2", "#D55E00"
RIGHT_COLOR, WRONG_COLOR = "#00734F", "#B23A00"


def plot_history(history: Mapping[str, Sequence[float]], *, title: str = "") -> Figure:
    """Loss and accuracy per epoch, training beside validation.

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
        (key, "training", TRAINING_COLOR, "-"),
        (f"val_{key}", "validation", VALIDATION_COLOR, "--"),
    )
    for name, label, color, style in curves:
        values = history.get(name, ())
        if len(values):
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, style, marker="o", ms=3.5, color=color, label=label)
    axes.set(xlabel="epoch", ylabel=key, title=key.capitalize())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False)
    if key == "accuracy":
        axes.set_ylim(0, 1.02)


def plot_confusion_matrix(evaluation: Evaluation, *, title: str = "") -> Figure:
    """Confusion matrix in percent of the real class, as the study prints it, with the counts.

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
    """Grid of images with their real and predicted classes; wrong answers in orange with a cross.

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
