"""A figure of images beside their heat maps."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.overlay import overlay


def plot_heatmaps(
    images: ArrayLike,
    heatmaps: ArrayLike,
    captions: Sequence[str],
    *,
    outlines: ArrayLike | None = None,
    title: str = "",
) -> Figure:
    """Images in the upper row, the same with their heat maps in the lower one.

    Over a map that is zero everywhere stands that nothing spoke for the class.

    Args:
        images: `(count, height, width)` or `(count, height, width, channels)` in [0, 255].
        heatmaps: `(count, height, width)` in [0, 1], as `GradCAM` returns them.
        captions: one per image, printed above it.
        outlines: `(count, height, width)` bool, such as masks of lungs or lesions; their edges
            are drawn over both rows.
        title: printed above all.

    Raises:
        InvalidArgumentError: (a ValueError) the counts differ or there is no image.
    """
    pictures, maps = np.asarray(images), np.asarray(heatmaps)
    if len(pictures) == 0 or not len(pictures) == len(maps) == len(captions):
        raise InvalidArgumentError(
            f"plot_heatmaps needs as many heat maps ({len(maps)}) and captions ({len(captions)}) "
            f"as images ({len(pictures)}), and at least one."
        )
    plain = overlay(pictures, np.zeros_like(maps))
    heated = overlay(pictures, maps)
    count = len(pictures)
    figure = Figure(figsize=(2.6 * max(count, 2), 5.9), layout="constrained")
    grid = figure.subplots(2, max(count, 2), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for column in range(count):
        grid[0, column].imshow(plain[column])
        grid[0, column].set_title(captions[column], fontsize=9)
        grid[1, column].imshow(heated[column])
        if outlines is not None:
            for axes in grid[:, column]:
                mask = np.asarray(outlines)[column]
                axes.contour(mask, [0.5], colors="white", linewidths=1, alpha=0.8)
        if not maps[column].any():
            grid[1, column].set_title("no evidence for the class", fontsize=9)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure
