"""Whether the heat lies inside known areas: lungs, lesions, a planted mark."""

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr.explain.engine.maps import Floats

Doubles = NDArray[np.float64]
Masks = NDArray[np.bool_]


def energy_inside(heatmaps: Floats, masks: Masks) -> Doubles:
    """Return the share of each map's heat that lies inside its mask.

    sum of heat inside / sum of all heat (Wang et al. 2020, "Score-CAM"). A map
    without an idea reaches the mask's share of the picture, `area_share`.

    Args:
        heatmaps: (batch, height, width) float32, not negative.
        masks: (batch, height, width) bool.

    Returns:
        (batch,) float64 in [0, 1]; NaN where there is no heat or no mask.
    """
    total = heatmaps.sum(axis=(1, 2), dtype=np.float64)
    inside = (heatmaps * masks).sum(axis=(1, 2), dtype=np.float64)
    found = masks.any(axis=(1, 2)) & (total > 0)
    return np.divide(inside, total, out=np.full(len(masks), np.nan), where=found)


def pointing_game(heatmaps: Floats, masks: Masks) -> Doubles:
    """Return 1 where the hottest pixel lies inside the mask, else 0.

    Zhang et al. 2018, "Top-down Neural Attention by Excitation Backprop". Of several equally hot
    pixels it is the share that lies inside. For a tolerance, widen the masks first (`widened`).

    Args:
        heatmaps: (batch, height, width) float32, not negative.
        masks: (batch, height, width) bool.

    Returns:
        (batch,) float64 in [0, 1]; NaN where there is no heat or no mask.
    """
    largest = heatmaps.max(axis=(1, 2), keepdims=True)
    hottest = (heatmaps == largest) & (largest > 0)
    share = area_share(masks) * 0.0  # NaN where there is no mask
    count = hottest.sum(axis=(1, 2))
    inside = (hottest & masks).sum(axis=(1, 2))
    return share + np.divide(inside, count, out=np.full(len(masks), np.nan), where=count > 0)


def area_share(masks: Masks) -> Doubles:
    """Return the share of the picture inside each mask: (batch,) in [0, 1], NaN for no mask."""
    share = masks.mean(axis=(1, 2), dtype=np.float64)
    return np.where(share > 0, share, np.nan)


def widened(masks: Masks, tolerance: int) -> Masks:
    """Return the masks with all pixels that lie at most `tolerance` pixels from them."""
    if tolerance == 0:
        return masks
    reach = np.arange(-tolerance, tolerance + 1)
    disc = (np.hypot(reach[:, np.newaxis], reach) <= tolerance).astype(np.uint8)
    return np.stack([cv2.dilate(mask.astype(np.uint8), disc) > 0 for mask in masks])
