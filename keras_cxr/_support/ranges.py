"""One rule for arrays of images: they lie in [0, 255], and are never rescaled by guess."""

from typing import Any

import numpy as np

from keras_cxr.errors import KerasCXRError

_ROUNDING = 1e-3


def scaled_range(images: Any) -> str | None:
    """Return the range of images that were scaled to [0, 1] or [-1, 1], in words; else None.

    Floats that are not all 0 and reach no further than 1: of images in [0, 255] they would be a
    film without anything to see. Whole numbers say nothing: they may be a mask.
    """
    array = np.asarray(images)
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        return None
    if not array.size:
        return None
    low, high = float(array.min()), float(array.max())
    if 0 < max(-low, high) <= 1 + _ROUNDING:
        return f"values from {low:.3g} to {high:.3g}"
    return None


def check_range(images: Any, error: type[KerasCXRError], *, taker: str = "they") -> None:
    """Raise where images were scaled that are taken in [0, 255].

    Args:
        images: an array of any shape and type.
        error: what is raised.
        taker: who takes them, for the message.

    Raises:
        KerasCXRError: of the type that was given.
    """
    found = scaled_range(images)
    if found is not None:
        raise error(
            f"images are scaled ({found}), but {taker} must lie in [0, 255]: pass them as they "
            "were, or multiplied by 255. The models scale by themselves."
        )


def check_range_for(model: Any, images: Any, error: type[KerasCXRError]) -> None:
    """Raise where images were scaled and the model is known to scale by itself.

    A model of somebody's own may well take images in [0, 1]: where its first layers do not tell,
    nothing is said.

    Raises:
        KerasCXRError: of the type that was given.
    """
    found = scaled_range(images)
    if found is not None and (layer := scaling_layer(model)) is not None:
        raise error(
            f"images are scaled ({found}), but model {model.name!r} takes them in [0, 255] and "
            f"scales them by itself (its layer {layer!r}): pass them as they were, or multiplied "
            "by 255."
        )


def scaling_layer(model: Any) -> str | None:
    """Return the name of the layer that shows that a model takes [0, 255]; None if none does.

    A division by 50 or more or an offset of grey values; or a normalization that has seen means
    of grey values in training. Only what comes before the first other layer with weights counts.
    """
    for layer in _front(model):
        kind = type(layer).__name__
        if kind == "Rescaling":
            scale, offset = np.abs(layer.scale).max(), np.abs(layer.offset).max()
            shows = 0 < scale <= 1 / 50 or offset > 2
        elif kind in ("BatchNormalization", "Normalization"):
            mean = layer.moving_mean if kind == "BatchNormalization" else layer.mean
            shows = mean is not None and float(np.abs(np.asarray(mean, np.float32)).max()) > 2
        else:
            continue
        return str(layer.name) if shows else None
    return None


def _front(model: Any) -> list[Any]:
    """Return the layers up to the first one with weights, that one too, nested models opened."""
    found: list[Any] = []
    for layer in getattr(model, "layers", ()):
        found += _front(layer) if hasattr(layer, "layers") else [layer]
        if found and getattr(found[-1], "weights", None):
            break
    return found
