"""Heat maps laid over the X-rays that they explain, with iso-lines where these are wanted."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.checks import check_choice
from keras_cxr._support.ranges import check_range
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.engine.inputs import check_finite, image_batch

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
DEFAULT_COLORMAP = "inferno"
# Heat is compared on a grid this much finer than the picture's, so that lines bend smoothly.
_FINER = 4
_MARGIN = 2  # pixels beyond the picture's edge, where a line that meets the edge is closed
_SHIFT = 4  # OpenCV's fixed-point coordinates have 1/16 pixel
# grey value, thickness in pixels and opacity: a black edge under a white line
_STROKES = ((0, 2, 0.6), (255, 1, 0.95))


def overlay(
    images: Any,
    heatmaps: Any,
    *,
    alpha: float = 0.6,
    colormap: str = DEFAULT_COLORMAP,
    contours: Sequence[float] = (),
) -> NDArray[np.uint8]:
    """Return colour pictures of X-rays with their heat maps on top.

    Each pixel is (1 - w) * X-ray + w * colour with w = alpha * heat: where there is no heat the
    X-ray is unchanged, where the heat is 1 the colour covers `alpha` of it.

    "inferno" is perceptually uniform: equal steps of heat look like equal steps, so that no edge
    is seen where the map has none. Of the four such maps it reads best over X-rays: its hot end
    is yellow, which neither white bone nor black air is, and its middle red. The hot end of
    "magma" is nearly white and is lost on bone, "viridis" turns faint heat a greenish grey, and
    the cool half of "cividis" is the grey of the X-ray itself.

    Args:
        images: values in [0, 255], any number type: (batch, height, width, 1 or 3), (batch,
            height, width), or one image (height, width) or (height, width, 1 or 3).
        heatmaps: (batch, height, width) in [0, 1], or (height, width) for one image.
        alpha: share of the colour where the heat is 1, in [0, 1]; 0 for contours alone.
        colormap: "inferno", "magma", "viridis", "cividis" or "plasma" (perceptually uniform);
            "hot" or "turbo" (not so); "jet" as in the study, whose yellow and cyan bands look
            like edges.
        contours: levels in (0, 1] such as (0.25, 0.5, 0.75): a line is drawn round what is at
            least as hot, over the colour.

    Returns:
        (batch, height, width, 3) uint8, red-green-blue.

    Raises:
        InvalidArgumentError: (a ValueError) shapes do not belong together, values are out of
            range, or the colour map is unknown.

    Examples:
        >>> import numpy as np
        >>> from keras_cxr import overlay
        >>> image, heat = np.full((64, 64), 100), np.zeros((64, 64))
        >>> heat[20:40, 20:40] = 1
        >>> overlay(image, heat, contours=[0.5]).shape
        (1, 64, 64, 3)
    """
    check_choice("colormap", colormap, COLORMAPS, shown=str)
    if not 0 <= alpha <= 1:
        raise InvalidArgumentError(f"alpha must lie in [0, 1]; received {alpha!r}.")
    if not all(0 < level <= 1 for level in contours):
        raise InvalidArgumentError(
            f"contours must be levels above 0 and up to 1; received {list(contours)}."
        )
    heat = np.asarray(heatmaps, np.float32)
    heat = heat[None] if heat.ndim == 2 else heat
    pixels = np.asarray(images)
    check_range(pixels, InvalidArgumentError)
    if pixels.ndim == 3 and pixels.shape == heat.shape:
        pixels = pixels[..., None]  # a batch of grey images, however narrow
    pixels = image_batch(pixels)
    check_finite(pixels, first=0)
    if heat.shape != pixels.shape[:3] or pixels.shape[3] not in (1, 3):
        raise InvalidArgumentError(
            f"heatmaps must be (batch, height, width) of the images, grey or colour; received "
            f"{np.shape(heatmaps)} for images {np.shape(images)}."
        )
    if not (np.isfinite(heat).all() and heat.min() >= 0 and heat.max() <= 1):
        raise InvalidArgumentError(
            "heatmaps must lie in [0, 1] without NaN, as GradCAM returns them."
        )
    colours = _colours(colormap)
    result = np.empty((*heat.shape, 3), np.uint8)
    for index, (image, values) in enumerate(zip(pixels, heat, strict=True)):
        weight = np.float32(alpha) * values[..., None]
        colour = colours[np.round(values * 255).astype(np.intp)]
        grey = np.clip(image.astype(np.float32), 0, 255)
        picture = np.round(grey + weight * (colour - grey)).astype(np.uint8)
        result[index] = draw_contours(picture, values, contours) if contours else picture
    return result


def colour_bar(length: int, *, colormap: str = DEFAULT_COLORMAP) -> NDArray[np.uint8]:
    """Return the colours of heat from 0 to 1 as `overlay` lays them over middle grey.

    Args:
        length: number of steps, at least 2.
        colormap: As for `overlay`.

    Returns:
        (length, 3) uint8, red-green-blue, from no heat to the hottest.
    """
    heat = np.linspace(0, 1, length, dtype=np.float32)[None]
    return overlay(np.full(heat.shape, 128), heat, colormap=colormap)[0, 0]


def draw_contours(
    picture: NDArray[np.uint8], heat: NDArray[np.float32], levels: Sequence[float]
) -> NDArray[np.uint8]:
    """Return a copy of a colour picture with a line along each level of the heat.

    Lines are white with a black edge, anti-aliased: white shows on dark ground, black on bright.
    Where the heat runs over the picture's edge the line ends there.

    Args:
        picture: (height, width, 3) uint8.
        heat: (height, width) float32 in [0, 1].
        levels: values in (0, 1]; the line encloses what is at least as hot.
    """
    lines = [line for level in levels for line in _iso_lines(heat, level)]
    result = picture.astype(np.float32)
    for grey, thickness, opacity in _STROKES:  # all edges first: none may cover another line
        covered = np.zeros(heat.shape, np.uint8)
        cv2.polylines(covered, lines, True, 255, thickness, cv2.LINE_AA, _SHIFT)
        weight = (opacity / 255 * covered.astype(np.float32))[..., None]
        result += weight * (grey - result)
    return np.round(result).astype(np.uint8)


def _iso_lines(heat: NDArray[np.float32], level: float) -> list[NDArray[np.int32]]:
    """Return closed lines (points, 1, 2) in OpenCV's fixed-point pixels."""
    padded = np.pad(heat, _MARGIN, mode="edge")
    finer = cv2.resize(padded, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR)
    inside = (finer >= level).astype(np.uint8)
    found, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return [
        np.round(((line + 0.5) / _FINER - 0.5 - _MARGIN) * 2**_SHIFT).astype(np.int32)
        for line in found
    ]


def _colours(colormap: str) -> NDArray[np.float32]:
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], COLORMAPS[colormap])
    return table[:, 0, ::-1].astype(np.float32)  # OpenCV orders blue, green, red
