"""A preset's folder, read: a trained classifier that every backend reads and that holds no code.

`preset.json` names a network of the registry with its arguments, the classes and how films are
read; the weights lie beside it as float16. It also holds what the model answers for drawn
phantoms: whoever loads a preset computes these answers again and compares.
"""

import hashlib
import inspect
import os
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.archives import check_weights_file
from keras_cxr._support.disk.documents import COUNT, SHARE, Document, Range, Text
from keras_cxr._support.disk.file_names import (
    PRESET_FILE,
    PRESET_WEIGHTS_FILE,
    UNUSUAL_FILE,
)
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.evaluation.calibrated import calibrated_model
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.keras_graph.interface import predict_probabilities
from keras_cxr.models.registry import build, model_info
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom

TOLERANCE = 2e-3
"""How far a probability may be from the golden one: the same sums in another order."""

DEFAULT_PRESET = "lmap3_phantom"
"""What `keras-cxr predict FILMS` takes where no model is named."""

_FOLDER = Path(__file__).with_name("weights")
GOLDEN_SEED = 1848
_LARGEST_SIDE = 2048  # pixels; a file that asks for more is not trusted with the memory
_MOST_CLASSES = 10_000
_SHA256 = Text("[0-9a-f]{64}", "the SHA-256 of a file")
_SIDE = Range(1, _LARGEST_SIDE, whole=True)


def _contradiction(preset: dict[str, Any]) -> str:
    names, golden = preset["class_names"], preset["golden"]["probabilities"]
    if len(set(names)) != len(names):
        return "names a class twice"
    if any(len(row) != len(names) for row in golden) or not golden:
        return f"has golden answers that are not for its {len(names)} classes"
    return ""


PRESET = Document(
    what="a preset",
    form={
        "model": {"name": str, "arguments": {str: object}},
        "class_names": [str],
        "data": {"image_size": [_SIDE, _SIDE], "color_mode": str, "intensity": str, "region": str},
        "temperature": Range(0.01, 100),
        "files": {str: _SHA256},
        "golden": {"seed": COUNT, "probabilities": [[SHARE]]},
        "description": str,
        "license": str,
    },
    remedy="Fetch or write the preset again.",
    rule=_contradiction,
)


class Preset(NamedTuple):
    """What a preset's folder holds, checked: the model answers as it did when it was saved."""

    model: keras.Model
    class_names: tuple[str, ...]
    data_options: dict[str, Any]
    unusual: OutOfDistribution | None
    description: str


def list_presets() -> list[str]:
    """Return the names of the presets that come with the package, sorted.

    Examples:
        >>> "lmap3_phantom" in list_presets()
        True
    """
    return sorted(path.parent.name for path in _FOLDER.glob(f"*/{PRESET_FILE}"))


def preset_folder(source: str | os.PathLike[str]) -> Path | None:
    """Return the folder of a preset, by its path or its name; None where there is none.

    A file or folder of that path goes before a name.
    """
    path = Path(source)
    if path.exists():
        return path if (path / PRESET_FILE).is_file() else None
    return _FOLDER / str(source) if str(source) in list_presets() else None


def read_preset(source: str | os.PathLike[str]) -> Preset:
    """Return what a preset holds.

    The network is built by the registry from its name; nothing in the folder is run, and the size
    of what it asks for is looked at first.

    Args:
        source: one of `list_presets()`, or a folder that `save_preset` wrote.

    Raises:
        NotFoundError: there is no such preset; the known ones are given.
        DataError: (a ValueError) the folder is damaged, of a later release, or gives other answers
            than when it was written.
    """
    folder = preset_folder(source)
    if folder is None:
        known = ", ".join(list_presets())
        raise NotFoundError(f"There is no preset {str(source)!r}. Known presets: {known}.")
    file = folder / PRESET_FILE
    preset = PRESET.read(file)
    for name, expected in preset["files"].items():
        _check_file(folder, name, expected)
    if PRESET_WEIGHTS_FILE not in preset["files"]:
        raise PRESET.damaged(file, f"names no {PRESET_WEIGHTS_FILE}")
    model = _with_weights(build_described(preset, file), folder / PRESET_WEIGHTS_FILE)
    if preset["temperature"] != 1:
        model = calibrated_model(model, float(preset["temperature"]))
    _check_golden(model, preset, file)
    unusual = None
    if UNUSUAL_FILE in preset["files"]:
        unusual = OutOfDistribution.load(folder / UNUSUAL_FILE, model)
    data = {**preset["data"], "class_names": preset["class_names"]}
    return Preset(model, tuple(preset["class_names"]), data, unusual, preset["description"])


def build_described(preset: dict[str, Any], file: Path) -> keras.Model:
    """Return the network that a preset describes, with random weights.

    Raises:
        DataError: (a ValueError) it asks for too much, or for what its builder does not take.
    """
    name, arguments = preset["model"]["name"], dict(preset["model"]["arguments"])
    shape = arguments.get("input_shape", ())
    sides = [side for side in shape if isinstance(side, int)] if isinstance(shape, list) else []
    count = arguments.get("num_classes")
    if max(sides, default=0) > _LARGEST_SIDE or (isinstance(count, int) and count > _MOST_CLASSES):
        raise PRESET.damaged(file, f"asks for a {name} of {shape} and {count} classes")
    if "weights" in inspect.signature(model_info(name).builder).parameters:
        arguments["weights"] = None
    try:
        return build(name, **arguments)
    except (TypeError, InvalidArgumentError) as error:
        raise PRESET.damaged(file, f"cannot be built ({error})") from error


def _with_weights(model: keras.Model, file: Path) -> keras.Model:
    try:
        check_weights_file(file)
        model.load_weights(file)
    except Exception as error:  # of a damaged file HDF5 and Keras raise nearly anything
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{file} does not hold the weights of its preset ({reason}). Fetch the preset again."
        ) from error
    return model


def golden_films(model: keras.Model) -> NDArray[np.float32]:
    """Return drawn films as the model takes them, one of each phantom class."""
    height, width, channels = model.input_shape[1:]
    drawn = [
        draw_phantom(name, 0, image_size=(height, width), seed=GOLDEN_SEED).image
        for name in CLASS_NAMES
    ]
    return np.repeat(np.stack(drawn)[..., None].astype(np.float32), channels, axis=-1)


def _check_golden(model: keras.Model, preset: dict[str, Any], file: Path) -> None:
    if preset["golden"]["seed"] != GOLDEN_SEED:
        raise PRESET.damaged(file, "holds golden answers for other phantoms than this release's")
    expected = np.array(preset["golden"]["probabilities"], np.float64)
    try:
        found = predict_probabilities(model, golden_films(model))
    except InvalidArgumentError as error:
        raise PRESET.damaged(file, f"holds a model that cannot answer: {error}") from error
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=0, atol=TOLERANCE):
        largest = np.abs(found - expected).max() if found.shape == expected.shape else np.nan
        raise PRESET.damaged(
            file,
            f"gives other answers for drawn films than when it was written (up to {largest:.3f} "
            "apart)",
        )


def _check_file(folder: Path, name: str, expected: str) -> None:
    path = folder / name
    if Path(name).name != name or not path.is_file():
        raise PRESET.damaged(folder / PRESET_FILE, f"names a file {name!r}, which is not here")
    if file_digest(path) != expected:
        raise DataError(
            f"{path} is not the file that its preset was written with (its SHA-256 differs): it is "
            "cut short or was changed. Fetch the preset again."
        )


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
