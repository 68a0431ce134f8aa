"""The one way to stretch a picture: the same for films, masks and what a model answers."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def fit(image: NDArray[Any], image_size: tuple[int, int]) -> NDArray[Any]:
    """Return (height, width) `image` stretched to `image_size`, in its own dtype.

    Cells that grow smaller are averaged, along each side by itself.
    """
    height, width = image_size
    if image.shape[:2] == (height, width):
        return image
    if image.shape[0] > height and image.shape[1] < width:
        image = _resized(image, (height, image.shape[1]), cv2.INTER_AREA)
    elif image.shape[0] < height and image.shape[1] > width:
        image = _resized(image, (image.shape[0], width), cv2.INTER_AREA)
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    return _resized(image, (height, width), cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _resized(image: NDArray[Any], size: tuple[int, int], method: int) -> NDArray[Any]:
    return np.asarray(cv2.resize(image, size[::-1], interpolation=method))
