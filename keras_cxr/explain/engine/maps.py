"""The arithmetic of class activation maps: arrays in, arrays out, float32 throughout."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from keras_cxr.keras_graph.placement import Axes, Axis, stretched

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


def upsample(maps: Floats, size: tuple[int, int], axes: Axes | None = None) -> Floats:
    """Return maps interpolated bilinearly to (height, width), with half-pixel centres.

    Without `axes` a map covers the whole image: its cell is a square of pixels and its value
    stands in the middle of the square (the same as TensorFlow's, PyTorch's and OpenCV's resize
    without aligned corners). With `axes`, cells stand where these say; the outermost fade to zero
    from half a cell to one and a half cells outside them, since no cell looks there.

    Args:
        maps: (batch, map height, map width) float32.
        size: height and width of the result.
        axes: where the rows and the columns of the maps belong.
    """
    rows, columns = axes or stretched(maps.shape[1:], size)
    # NumPy's matrix threads would go on spinning for 50 ms after this short product, and take a
    # core from the backend's next forward pass
    with _matrix_threads().limit(limits=1):
        result = _weights(size[0], rows) @ maps @ _weights(size[1], columns).T
    return np.asarray(result, np.float32)


@cache
def _matrix_threads() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def _weights(length: int, axis: Axis) -> Floats:
    """How much each cell adds to each pixel of one axis: (pixels, cells) float32."""
    places = (np.arange(length) - axis.first) / axis.step
    inside = np.clip(places, 0, axis.count - 1)
    weights = np.maximum(0, 1 - np.abs(inside[:, None] - np.arange(axis.count)))
    fading = np.clip(1.5 - np.abs(places - inside), 0, 1)
    return (weights * fading[:, None]).astype(np.float32)


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
