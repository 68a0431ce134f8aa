"""Average heat maps, class by class: where the heat of many images lies together."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.pictures.overlays import overlay
from keras_cxr.explain.pictures.panels import add_colour_bar, pair_figure


def plot_average_heatmaps(
    heatmaps: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    *,
    images: ArrayLike,
    title: str = "",
) -> Figure:
    """For each class its average image, and under it the same with the average heat map.

    The average is over the class's maps that are not empty, each divided by its own maximum; the
    figure says how many images there are and how many empty maps were left out. All classes
    share one colour scale, which ends at the largest average.

    A hot place shows that the network often takes evidence from there, such as from a mark that
    stands in the same corner of a class's films. A cold average does not show that nothing is
    looked at: findings that lie elsewhere in each image average out.

    Args:
        heatmaps: `(count, height, width)` in [0, 1], as `GradCAM` returns them.
        labels: `(count,)` integers, the class that each image is counted to: the class that its
            map explains, or the real one.
        class_names: names of the classes, by their numbers; classes without images are left out.
        images: `(count, height, width)` or `(count, height, width, channels)` in [0, 255].
        title: printed above all.

    Raises:
        InvalidArgumentError: (a ValueError) the counts differ, there is no image, or a label has
            no name.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr.explain import plot_average_heatmaps
        >>> images = np.full((3, 96, 96), 100)
        >>> heat = np.zeros((3, 96, 96))
        >>> heat[:2, 30:60, 30:60] = 1
        >>> figure = plot_average_heatmaps(heat, [0, 0, 1], ["COVID", "Normal"], images=images)
        >>> figure.savefig("averages.png")
    """
    maps, numbers, pictures = np.asarray(heatmaps), np.asarray(labels), np.asarray(images)
    if len(maps) == 0 or not len(maps) == len(numbers) == len(pictures):
        raise InvalidArgumentError(
            f"plot_average_heatmaps needs as many labels ({len(numbers)}) and images "
            f"({len(pictures)}) as heat maps ({len(maps)}), and at least one."
        )
    if numbers.dtype.kind not in "ui" or numbers.min() < 0 or numbers.max() >= len(class_names):
        raise InvalidArgumentError(
            f"labels must be integers from 0 to {len(class_names) - 1}, one for each of the "
            f"{len(class_names)} class_names; received {numbers.dtype} from {numbers.min()} to "
            f"{numbers.max()}."
        )
    shown = [int(number) for number in np.unique(numbers)]
    spoken = maps.any(axis=(1, 2))
    average_maps = np.stack([_mean(maps[(numbers == number) & spoken]) for number in shown])
    average_images = np.stack([_mean(pictures[numbers == number]) for number in shown])
    largest = float(average_maps.max()) or 1.0
    plain = overlay(average_images, np.zeros_like(average_maps))
    heated = overlay(average_images, average_maps / largest)
    figure, grid = pair_figure(len(shown))
    for column, number in enumerate(shown):
        count = int((numbers == number).sum())
        empty = count - int((spoken & (numbers == number)).sum())
        grid[0, column].imshow(plain[column])
        grid[0, column].set_title(f"{class_names[number]}\n{_images(count)}", fontsize=9)
        grid[1, column].imshow(heated[column])
        grid[1, column].set_title(f"{empty} empty {'map' if empty == 1 else 'maps'}", fontsize=9)
    add_colour_bar(figure, grid, label="average heat of the maps", largest=largest)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _mean(arrays: Any) -> Any:
    """Return the mean over the first axis; zeros where there is nothing to average."""
    return arrays.mean(axis=0, dtype=np.float64) if len(arrays) else np.zeros(arrays.shape[1:])


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
