"""Maps made without asking the model: what every measure of a heat map is read beside.

A number such as "deletion 0.31" says nothing alone. If a map of the edges, or the picture itself,
reaches 0.31 too, then the heat map has shown no knowledge of the model.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr.explain.engine.maps import Floats, normalize, upsample
from keras_cxr.keras_graph.placement import Axes

CONTROLS = {
    "random": "the random map",
    "image": "the image itself",
    "centre": "the centre",
    "edges": "the edges",
}
# A grain finer than convolutional maps have makes noise of single pixels: no fair opponent, for
# it destroys every pattern at once wherever it lies.
MAX_CELLS = 16
CENTRE_WIDTH = 1 / 4  # standard deviation of the Gaussian, as a share of each side
EDGE_BLUR = 1.0  # pixels, so that edges are of shapes and not of grain


def control_maps(
    images: Floats,
    map_size: tuple[int, int],
    rng: np.random.Generator,
    *,
    axes: Axes | None = None,
) -> dict[str, Floats]:
    """Return the maps of every control, by name, each (batch, height, width) float32 in [0, 1].

    - random: uniform random values at the resolution of the method's own maps, at most 16 x 16,
      brought to the image's size as the method's maps are.
    - image: |x|, the grey value itself.
    - centre: a Gaussian in the middle, the same for every image.
    - edges: the length of the grey values' gradient (Sobel).

    Args:
        images: (batch, height, width, channels) float32 in [0, 255].
        map_size: height and width of the method's maps before upsampling.
        rng: where the random maps come from.
        axes: where the method's cells lie, as `upsample` takes it; None: stretched.
    """
    size = (images.shape[1], images.shape[2])
    cells = (min(map_size[0], MAX_CELLS), min(map_size[1], MAX_CELLS))
    noise = rng.random((len(images), *cells), dtype=np.float32)
    drawn = {"random": normalize(upsample(noise, size, axes if cells == map_size else None))}
    return drawn | {name: control(images) for name, control in FIXED_CONTROLS.items()}


def image_itself(images: Floats) -> Floats:
    """|x|, the mean of the channels, divided by each image's largest."""
    return normalize(np.abs(images).mean(axis=-1, dtype=np.float32))


def centre(images: Floats) -> Floats:
    """exp(-(u^2 + v^2) / 2) with u and v the distance from the middle in quarters of a side."""
    rows, columns = (
        np.exp(-0.5 * (((np.arange(side) + 0.5) / side - 0.5) / CENTRE_WIDTH) ** 2)
        for side in images.shape[1:3]
    )
    gaussian = np.outer(rows, columns).astype(np.float32)
    return normalize(np.repeat(gaussian[np.newaxis], len(images), axis=0))


def edges(images: Floats) -> Floats:
    """Length of the Sobel gradient of the grey values after a blur of one pixel."""
    grey = images.mean(axis=-1, dtype=np.float32)
    found = np.empty_like(grey)
    for number, picture in enumerate(grey):
        calm = cv2.GaussianBlur(picture, (0, 0), EDGE_BLUR)
        found[number] = np.hypot(*(cv2.Sobel(calm, cv2.CV_32F, *way) for way in ((1, 0), (0, 1))))
    return normalize(found)


# What follows from the image alone, for noisy copies of it too.
FIXED_CONTROLS: dict[str, Callable[[Floats], Floats]] = {
    "image": image_itself,
    "centre": centre,
    "edges": edges,
}


def pixel_ranks(maps: Floats, ties: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return each pixel's place from the hottest (0) to the coldest.

    Equally hot pixels, such as the zeros of Grad-CAM, come in the order `ties`, so that a map
    of zeros ranks its pixels as the random map does, and never from the top left corner on.

    Args:
        maps: (batch, height, width) float32.
        ties: (batch, pixels), pixel numbers in the order that breaks ties: `order_of` the random
            control.

    Returns:
        (batch, pixels) int32, pixels counted along the rows.
    """
    flat = maps.reshape(len(maps), -1)
    return ranks_of(order_of(flat, ties))


def order_of(flat: Floats, ties: NDArray[np.intp]) -> NDArray[np.intp]:
    """Pixel numbers (batch, pixels) from the hottest to the coldest; `ties` as above."""
    values = np.take_along_axis(flat, ties, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(ties, order, axis=1)


def ranks_of(order: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return the inverse of an order: at each pixel, its place in the order."""
    ranks = np.empty(order.shape, np.int32)
    places = np.arange(order.shape[1], dtype=np.int32)
    np.put_along_axis(ranks, order, places[np.newaxis], axis=1)
    return ranks


def with_values_of(maps: Floats, ranks: NDArray[np.int32]) -> Floats:
    """Return the maps' values laid out in the order of a control.

    The largest value comes to the pixel that is the control's hottest, and so on. So the control
    has as much heat as the map, as peaked, and only the place differs: measures that a larger or
    a flatter map wins (average drop, energy) become fair.

    Args:
        maps: the method's maps, (batch, height, width) float32.
        ranks: the control's `pixel_ranks`.
    """
    values = -np.sort(-maps.reshape(len(maps), -1), axis=1)
    return np.take_along_axis(values, ranks, axis=1).reshape(maps.shape)
