"""The arithmetic of class activation maps: arrays in, arrays out, float32 throughout."""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def weighted_map(activations: Floats, gradients: Floats) -> Floats:
    """Return Grad-CAM's weighted sum before the ReLU.

    L(i, j) = sum over k of alpha(k) A(i, j, k), where alpha(k), the pooled weight of channel k,
    is the mean over i and j of d score / d A(i, j, k). Selvaraju et al. 2017, "Grad-CAM: Visual
    Explanations from Deep Networks via Gradient-based Localization", equations 1 and 2.

    Args:
        activations: A, (batch, height, width, channels) float32.
        gradients: d score / d A, of the same shape.

    Returns:
        (batch, height, width) float32, of any sign.
    """
    weights = gradients.mean(axis=(1, 2), dtype=np.float32)
    result: Floats = np.einsum("bijk,bk->bij", activations, weights, optimize=True)
    return result


def upsample(maps: Floats, size: tuple[int, int]) -> Floats:
    """Return maps stretched bilinearly to (height, width), with half-pixel centres.

    A map's cell is a square of pixels and its value stands in the middle of the square
    (OpenCV's INTER_LINEAR; the same as TensorFlow's and PyTorch's resize without aligned
    corners).

    Args:
        maps: (batch, height, width) float32.
        size: Height and width of the result.
    """
    height, width = size
    result = np.empty((len(maps), height, width), np.float32)
    for index, values in enumerate(maps):
        result[index] = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
    return result


def normalize(maps: Floats) -> Floats:
    """Divide each map by its own maximum; a map of zeros stays zero.

    Args:
        maps: (batch, height, width) float32, not negative.

    Returns:
        (batch, height, width) float32 in [0, 1].
    """
    largest = maps.max(axis=(1, 2), keepdims=True)
    result: Floats = np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)
    return result
