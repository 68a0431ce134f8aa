"""Trained weights of the lung U-Net: those in the package, and files of one's own."""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.archives import ArchiveError, read_npz
from keras_cxr.errors import InvalidArgumentError, NotFoundError, WeightsUnavailableError

_FOLDER = Path(__file__).resolve().parent


class WeightsPreset(NamedTuple):
    """A weights file in the package.

    Attributes:
        file: its name, beside this module; what it was trained on stands in a text beside it.
        sha256: of its bytes.
    """

    file: str
    sha256: str


PRESETS = {
    "human_masks": WeightsPreset(
        "lung_unet_human_masks.npz",
        "97d5de714ddd8126cbf7bbab60b4ac15036b4fce8e3972d3f24229adc47b77dc",
    ),
}


def load_weights(model: keras.Model, weights: str | os.PathLike[str]) -> None:
    """Give a model the weights of a preset, or those that `save_weights` left.

    Args:
        model: made by `build_lung_unet`
        weights: a key of `PRESETS`, or the path of an `.npz` file

    Raises:
        InvalidArgumentError: (a ValueError) it is neither.
        NotFoundError: the file does not exist.
        WeightsUnavailableError: (an OSError) the file is damaged or of another network.
    """
    preset = PRESETS.get(weights) if isinstance(weights, str) else None
    path = Path(weights) if preset is None else _FOLDER / preset.file
    if preset is None and path.suffix != ".npz":
        raise InvalidArgumentError(
            f"weights must be {' or '.join(map(repr, PRESETS))}, the path of an .npz file or "
            f"None, not {os.fspath(weights)!r}. Of a Keras file: build with weights=None, then "
            "model.load_weights(file)."
        )
    if not path.is_file():
        raise NotFoundError(
            f"There is no weights file {path}: "
            + ("install keras-cxr again." if preset else "pass the path of an existing one.")
        )
    if preset is not None and hashlib.sha256(path.read_bytes()).hexdigest() != preset.sha256:
        raise WeightsUnavailableError(
            f"The weights file {path} is not the one that keras-cxr came with: install it again."
        )
    try:
        model.set_weights(_in_order(model, read_npz(path)))
    except ArchiveError as error:
        raise WeightsUnavailableError(
            f"The weights file {path} does not fit {model.name!r}: {error}."
        ) from error


def _in_order(model: keras.Model, held: dict[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
    """Return the arrays as float32 in the order of the model's variables."""
    shapes = {variable.path: tuple(variable.shape) for variable in model.weights}
    for name, shape in shapes.items():
        if name not in held:
            raise ArchiveError(f"it lacks {name}")
        if held[name].shape != shape or held[name].dtype.kind != "f":
            raise ArchiveError(
                f"{name} is {held[name].dtype} of shape {held[name].shape}, not of {shape}"
            )
        if not np.isfinite(held[name]).all():
            raise ArchiveError(f"{name} holds NaN or infinite values")
    if more := sorted(held.keys() - shapes):
        raise ArchiveError(f"it holds {more[0]}, which the model has not")
    return [held[name].astype(np.float32) for name in shapes]


def save_weights(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Write a model's weights as the presets are: float16, by each variable's path."""
    arrays: dict[str, Any] = {
        one.path: keras.ops.convert_to_numpy(one.value).astype(np.float16) for one in model.weights
    }
    np.savez_compressed(path, **arrays)
