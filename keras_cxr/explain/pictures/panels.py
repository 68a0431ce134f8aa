"""Figures of images with their heat maps: side by side, by answer, and averaged by class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import ArrayLike, NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.pictures.overlays import colour_bar, overlay

HEAT_LABEL = "heat, share of the image's own maximum"
NO_EVIDENCE = "no positive evidence"
_SIDE, _SIDE_OF_ANSWER = 2.6, 1.8  # inches of a picture


def plot_heatmaps(
    images: ArrayLike,
    heatmaps: ArrayLike,
    captions: Sequence[str],
    *,
    outlines: ArrayLike | None = None,
    contours: Sequence[float] = (),
    title: str = "",
) -> Figure:
    """Images in the upper row, the same with their heat maps in the lower one, and a colour bar.

    Over a map that is zero everywhere stands that nothing spoke for the class. Each map is
    divided by its own maximum: the bar says nothing about which of two maps is stronger.

    Args:
        images: `(count, height, width)` or `(count, height, width, channels)` in [0, 255].
        heatmaps: `(count, height, width)` in [0, 1], as `GradCAM` returns them.
        captions: one per image, printed above it: say which class is explained, and how probable
            the model found it.
        outlines: `(count, height, width)` bool, such as masks of lungs or lesions; their edges
            are drawn over both rows.
        contours: levels of lines over the heat, as for `overlay`.
        title: printed above all.

    Raises:
        InvalidArgumentError: (a ValueError) the counts differ or there is no image.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr.explain import plot_heatmaps
        >>> figure = plot_heatmaps(np.zeros((1, 96, 96)), np.zeros((1, 96, 96)), ["COVID 87 %"])
        >>> figure.savefig("heatmaps.png")
    """
    pictures, maps = np.asarray(images), np.asarray(heatmaps)
    if len(pictures) == 0 or not len(pictures) == len(maps) == len(captions):
        raise InvalidArgumentError(
            f"plot_heatmaps needs as many heat maps ({len(maps)}) and captions ({len(captions)}) "
            f"as images ({len(pictures)}), and at least one."
        )
    plain = overlay(pictures, np.zeros_like(maps))
    heated = overlay(pictures, maps, contours=contours)
    figure, grid = pair_figure(len(pictures))
    for column, caption in enumerate(captions):
        upper, lower = grid[:, column]
        _show_pair(upper, lower, plain[column], heated[column])
        upper.set_title(caption, fontsize=9)
        if outlines is not None:
            for axes in (upper, lower):
                mask = np.asarray(outlines)[column]
                axes.contour(mask, [0.5], colors="white", linewidths=1, alpha=0.8)
        if not maps[column].any():
            lower.set_title(NO_EVIDENCE, fontsize=9)
    add_colour_bar(figure, grid)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def plot_answers(
    images: ArrayLike,
    heatmaps: ArrayLike,
    captions: Sequence[str],
    *,
    real: Sequence[str],
    right: Sequence[bool],
    title: str = "",
) -> Figure:
    """One row for each real class: right answers on the left, wrong ones on the right.

    Under each image stands the same with its heat map. Give the images in an order that nobody
    chose by their maps, such as that of the files.

    Args:
        images: `(count, height, width)` or `(count, height, width, channels)` in [0, 255].
        heatmaps: `(count, height, width)` in [0, 1].
        captions: one per image, such as the answer with its probability.
        real: name of each image's real class; the rows stand in the order of the names' first
            images.
        right: whether each answer is right.
        title: printed above all.

    Raises:
        InvalidArgumentError: (a ValueError) the counts differ or there is no image.
    """
    pictures, maps = np.asarray(images), np.asarray(heatmaps)
    sides = np.asarray(right, bool)
    counts = {len(pictures), len(maps), len(captions), len(real), len(sides)}
    if len(counts) > 1 or counts == {0}:
        raise InvalidArgumentError(
            f"plot_answers needs as many heat maps ({len(maps)}), captions ({len(captions)}), "
            f"real classes ({len(real)}) and marks of right answers ({len(sides)}) as images "
            f"({len(pictures)}), and at least one."
        )
    plain, heated = overlay(pictures, np.zeros_like(maps)), overlay(pictures, maps)
    names, groups = list(dict.fromkeys(real)), list(zip(real, sides.tolist(), strict=True))
    columns = max(groups.count(group) for group in groups)
    size = (2 * _SIDE_OF_ANSWER * columns + 1.2, (2 * _SIDE_OF_ANSWER + 0.9) * len(names) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    parts = figure.subfigures(len(names), 2, squeeze=False)
    for (row, column), part in np.ndenumerate(parts):
        group = (names[row], column == 0)
        numbers = [number for number, of in enumerate(groups) if of == group]
        grid = empty_grid(part, 2, columns)
        for (upper, lower), number in zip(grid.T, numbers, strict=False):
            _show_pair(upper, lower, plain[number], heated[number])
            upper.set_title(captions[number], fontsize=8)
            if not maps[number].any():
                lower.set_title(NO_EVIDENCE, fontsize=8)
        kind = f"{names[row]}: {'right' if column == 0 else 'wrong'} answers"
        text = kind if numbers else f"{kind}: none"
        part.suptitle(text, x=0.01, ha="left", fontsize=10, fontweight="bold")
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def pair_figure(count: int) -> tuple[Figure, NDArray[Any]]:
    """Return a figure for so many pairs, and its axes (2, count): one above the other of each pair.

    A single pair stands side by side, which leaves no empty half.
    """
    size = (_SIDE * count + 1, 2 * _SIDE + 1) if count > 1 else (2 * _SIDE + 1, _SIDE + 0.7)
    figure = Figure(figsize=size, layout="constrained")
    return figure, empty_grid(figure, 2, count) if count > 1 else empty_grid(figure, 1, 2).T


def empty_grid(figure: Figure | SubFigure, rows: int, columns: int) -> NDArray[Any]:
    """Return a grid of axes without frames: (rows, columns) of matplotlib's Axes."""
    grid: NDArray[Any] = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    return grid


def _show_pair(upper: Any, lower: Any, plain: Any, heated: Any) -> None:
    for axes, picture in ((upper, plain), (lower, heated)):
        axes.imshow(picture)


def add_colour_bar(
    figure: Figure, axes: Any, *, label: str = HEAT_LABEL, largest: float = 1
) -> None:
    """Add a bar of the overlay's colours over middle grey, from 0 to the largest value."""
    scale = ScalarMappable(Normalize(0, largest), ListedColormap(colour_bar(256) / 255))
    figure.colorbar(scale, ax=axes, label=label, shrink=0.6, aspect=25)
