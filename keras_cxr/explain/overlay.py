"""Lay heat maps over the X-rays that they explain."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.inputs import image_batch

COLORMAPS = {
    "cividis": cv2.COLORMAP_CIVIDIS,
    "hot": cv2.COLORMAP_HOT,
    "inferno": cv2.COLORMAP_INFERNO,
    "jet": cv2.COLORMAP_JET,
    "magma": cv2.COLORMAP_MAGMA,
    "plasma": cv2.COLORMAP_PLASMA,
    "turbo": cv2.COLORMAP_TURBO,
    "viridis": cv2.COLORMAP_VIRIDIS,
}


def overlay(
    images: Any, heatmaps: Any, *, alpha: float = 0.6, colormap: str = "turbo"
) -> NDArray[np.uint8]:
    """Return colour pictures of X-rays with their heat maps on top.

    Each pixel is (1 - w) * X-ray + w * colour with w = alpha * heat: where there is no heat the
    X-ray is unchanged, where the heat is 1 the colour covers `alpha` of it.

    Args:
        images: Values in [0, 255], any number type: (batch, height, width, 1 or 3), (batch,
            height, width), or one image (height, width) or (height, width, 1 or 3).
        heatmaps: (batch, height, width) in [0, 1], or (height, width) for one image.
        alpha: Share of the colour where the heat is 1, in [0, 1].
        colormap: "turbo" (the order of "jet" without its false edges; Mikhailov 2019), "jet" as
            in the study, "cividis", "hot", "inferno", "magma", "plasma" or "viridis".

    Returns:
        (batch, height, width, 3) uint8, red-green-blue.

    Raises:
        InvalidArgumentError: (a ValueError) shapes do not belong together, values are out of
            range, or the colour map is unknown.
    """
    if colormap not in COLORMAPS:
        raise InvalidArgumentError(
            f"colormap must be one of {', '.join(COLORMAPS)}; received {colormap!r}."
        )
    if not 0 <= alpha <= 1:
        raise InvalidArgumentError(f"alpha must lie in [0, 1]; received {alpha!r}.")
    heat = np.asarray(heatmaps, np.float32)
    heat = heat[None] if heat.ndim == 2 else heat
    pixels = np.asarray(images)
    if pixels.ndim == 3 and pixels.shape == heat.shape:
        pixels = pixels[..., None]  # a batch of grey images, however narrow
    pixels = image_batch(pixels)
    if heat.shape != pixels.shape[:3] or pixels.shape[3] not in (1, 3):
        raise InvalidArgumentError(
            f"heatmaps must be (batch, height, width) of the images, grey or colour; received "
            f"{np.shape(heatmaps)} for images {np.shape(images)}."
        )
    if not (np.isfinite(heat).all() and heat.min() >= 0 and heat.max() <= 1):
        raise InvalidArgumentError(
            "heatmaps must lie in [0, 1] without NaN, as GradCAM returns them."
        )
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], COLORMAPS[colormap])
    colours = table[:, 0, ::-1].astype(np.float32)  # OpenCV orders blue, green, red
    result = np.empty((*heat.shape, 3), np.uint8)
    for index, (image, values) in enumerate(zip(pixels, heat, strict=True)):
        weight = np.float32(alpha) * values[..., None]
        colour = colours[np.round(values * 255).astype(np.intp)]
        grey = np.clip(np.nan_to_num(image.astype(np.float32)), 0, 255)
        result[index] = np.round(grey + weight * (colour - grey)).astype(np.uint8)
    return result
