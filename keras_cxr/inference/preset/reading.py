"""A preset's folder, read: a trained classifier that every backend reads and that holds no code.

`preset.json` names a network of the registry with its arguments, the classes and how films are
read; the weights lie beside it as float16. It also holds what the model answers for drawn
phantoms: whoever loads a preset computes these answers again and compares.
"""

import inspect
import os
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.archives import check_weights_file
from keras_cxr._support.disk.file_names import (
    PREDICTION_SETS_FILE,
    PRESET_FILE,
    PRESET_WEIGHTS_FILE,
    UNUSUAL_FILE,
)
from keras_cxr._support.disk.files import file_digest
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.evaluation.calibrated import calibrated_model
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.inference.preset.form import LARGEST_SIDE, PRESET, check_files
from keras_cxr.inference.preset.places import PINNED, PRESETS_FOLDER, list_presets, locate_preset
from keras_cxr.keras_graph.interface import predict_probabilities
from keras_cxr.models.registry import build, model_info
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom
from keras_cxr.statistics.conformal import ConformalSets

TOLERANCE = 2e-3
"""How far a probability may be from the golden one: the same sums in another order."""

GOLDEN_SEED = 1848
_MOST_CLASSES = 10_000


class Preset(NamedTuple):
    """What a preset's folder holds, checked: the model answers as it did when it was saved.

    `model` is calibrated by the preset's temperature, `network` is what `build` made, both of the
    same weights; `unusual` and `prediction_sets` are None where the folder holds none.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    data_options: dict[str, Any]
    unusual: OutOfDistribution | None
    description: str
    network: keras.Model
    prediction_sets: ConformalSets | None


def read_preset(source: str | os.PathLike[str]) -> Preset:
    """Return what a preset holds.

    The network is built by the registry from its name; nothing in the folder is run, and the size
    of what it asks for is looked at first.

    Args:
        source: one of `list_presets()`, a folder that `save_preset` wrote, or `hf://owner/name`,
            `hf://owner/name@revision` of the Hugging Face hub.

    Raises:
        NotFoundError: there is no such preset; the known ones are given.
        DataError: (a ValueError) the folder is damaged, of a later release, or gives other answers
            than when it was written.
        InvalidArgumentError, WeightsUnavailableError, OutputError, MissingExtraError: as
            `fetch_preset` raises them for the hub.
    """
    folder = locate_preset(source)
    if folder is None:
        known = ", ".join(list_presets())
        raise NotFoundError(f"There is no preset {str(source)!r}. Known presets: {known}.")
    file = folder / PRESET_FILE
    if folder.parent == PRESETS_FOLDER and file_digest(file) != PINNED.get(folder.name):
        raise DataError(
            f"The preset {folder.name} is not the one that keras-cxr came with (the SHA-256 of "
            f"{file} differs): install keras-cxr again."
        )
    preset = PRESET.read(file)
    check_files(folder, preset)
    network = _with_weights(build_described(preset, file), folder / PRESET_WEIGHTS_FILE)
    model = network
    if preset["temperature"] != 1:
        model = calibrated_model(network, float(preset["temperature"]))
    _check_golden(model, preset, file)
    names = tuple(preset["class_names"])
    unusual = sets = None
    if UNUSUAL_FILE in preset["files"]:
        unusual = OutOfDistribution.load(folder / UNUSUAL_FILE, model)
    if PREDICTION_SETS_FILE in preset["files"]:
        sets = ConformalSets.load(folder / PREDICTION_SETS_FILE)
        if sets.class_names != names:
            raise PRESET.damaged(file, f"has classes other than its {PREDICTION_SETS_FILE}")
    data = {**preset["data"], "class_names": preset["class_names"]}
    return Preset(model, names, data, unusual, preset["description"], network, sets)


def model_from_preset(source: str | os.PathLike[str]) -> keras.Model:
    """Return the network of a preset as `build` makes it, with the preset's weights.

    For training on, or for parts of it. Its probabilities are not calibrated; those of
    `Classifier.from_preset(source).model` are.

    Args:
        source: as `Classifier.from_preset` takes it.

    Raises:
        NotFoundError: there is no such preset.
        DataError: (a ValueError) it is damaged, of a later release, or answers differently.

    Examples:
        >>> model_from_preset("lmap3_phantom").count_params()
        287688
    """
    return read_preset(source).network


def build_described(preset: dict[str, Any], file: Path) -> keras.Model:
    """Return the network that a preset describes, with random weights.

    Raises:
        DataError: (a ValueError) it asks for too much, or for what its builder does not take.
    """
    name, arguments = preset["model"]["name"], dict(preset["model"]["arguments"])
    shape = arguments.get("input_shape", ())
    sides = [side for side in shape if isinstance(side, int)] if isinstance(shape, list) else []
    count = arguments.get("num_classes")
    if max(sides, default=0) > LARGEST_SIDE or (isinstance(count, int) and count > _MOST_CLASSES):
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
