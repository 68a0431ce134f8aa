"""What lies on disk of a classifier: a run's folder, a `.keras` file or a preset."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_cxr._support.disk.file_names import (
    CALIBRATED_MODEL_FILE,
    PREDICTION_SETS_FILE,
    RUN_RECORD_FILE,
    UNUSUAL_FILE,
)
from keras_cxr.data.labels import check_class_names
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.inference.places import Saved, find_model_file
from keras_cxr.inference.preset.places import is_preset
from keras_cxr.inference.preset.reading import read_preset
from keras_cxr.inference.recorded import recorded_run
from keras_cxr.keras_graph.interface import check_reads_images, num_outputs
from keras_cxr.models.files import read_model
from keras_cxr.statistics.conformal import ConformalSets
from keras_cxr.training.precision import choose_precision, set_precision

if TYPE_CHECKING:
    from keras_cxr.evaluation.ood import OutOfDistribution


def read_saved(
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
    custom_objects: dict[str, Any] | None = None,
    precision: str = "float32",
) -> Saved:
    """Return what `Classifier.load` holds; it says what it takes and raises."""
    chosen, _ = choose_precision(precision)
    saved = _read_saved(path, class_names, custom_objects)
    if chosen != "float32":
        set_precision(saved.model, chosen)
    return saved


def _read_saved(
    path: str | os.PathLike[str],
    class_names: Sequence[str] | None,
    custom_objects: dict[str, Any] | None,
) -> Saved:
    if is_preset(path):
        found = _of_preset(path)
        return found if class_names is None else _renamed(found, class_names)
    file = find_model_file(Path(path))
    model = read_model(file, custom_objects=custom_objects)
    try:
        check_reads_images(model)
        count = num_outputs(model)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{file} cannot answer for image files: {error}") from error
    record = recorded_run(file.parent)
    data = record["settings"]["data"] if record else {}
    if None in model.input_shape[1:3] and "image_size" not in data:
        raise InvalidArgumentError(
            f"{file} cannot answer for image files: the model takes images of any size, and no "
            f"{RUN_RECORD_FILE} beside it says which it was trained with. Put it into a model with "
            "keras.Input((height, width, channels)) of that size."
        )
    recorded = data.get("class_names") or [str(index) for index in range(count)]
    try:
        names = check_class_names(recorded if class_names is None else class_names)
    except InvalidArgumentError as error:
        if class_names is None:
            raise DataError(f"{RUN_RECORD_FILE} beside {file} is damaged: {error}") from error
        raise
    if len(names) != count and class_names is None:
        raise DataError(
            f"{file} has {count} outputs, but {RUN_RECORD_FILE} beside it names {len(names)} "
            "classes: they are of different runs. Train again, or delete the record."
        )
    if len(names) != count:
        raise InvalidArgumentError(
            f"{file} has {count} outputs, but {len(names)} class names were given."
        )
    unusual, note = _find_unusual(file.parent / UNUSUAL_FILE, model)
    notes = [note] if note else []
    region = data.get("region", "full")
    if region != "full":
        notes.insert(
            0,
            f"The model was trained on the region {region!r} of its images, but files are read "
            "whole, since they have no lung masks here: its answers are not those it was tested "
            "on. `keras-cxr evaluate` uses the masks of a data set.",
        )
    return Saved(model, names, data, unusual, tuple(notes), _find_sets(file, names))


def _of_preset(source: str | os.PathLike[str]) -> Saved:
    found = read_preset(source)
    notes = (found.description,) if found.description else ()
    return Saved(
        found.model,
        found.class_names,
        found.data_options,
        found.unusual,
        notes,
        found.prediction_sets,
    )


def _renamed(saved: Saved, class_names: Sequence[str]) -> Saved:
    names = check_class_names(class_names)
    if len(names) != len(saved.class_names):
        raise InvalidArgumentError(
            f"The preset has {len(saved.class_names)} outputs, but {len(names)} class names "
            "were given."
        )
    sets = saved.prediction_sets and replace(saved.prediction_sets, class_names=names)
    return saved._replace(class_names=names, prediction_sets=sets)


def _find_sets(file: Path, class_names: tuple[str, ...]) -> ConformalSets | None:
    """Return the prediction sets that an audit wrote for the probabilities of this very file."""
    sets_file = file.with_name(PREDICTION_SETS_FILE)
    if file.name != CALIBRATED_MODEL_FILE or not sets_file.is_file():
        return None  # those of the uncalibrated model are other probabilities
    sets = ConformalSets.load(sets_file)
    if len(sets.class_names) != len(class_names):
        raise DataError(
            f"{sets_file} is for {len(sets.class_names)} classes, but {file.name} beside it has "
            f"{len(class_names)}: they are of different models. Audit the model again."
        )
    return sets


def _find_unusual(path: Path, model: keras.Model) -> "tuple[OutOfDistribution | None, str]":
    """Return the detector beside a model, or None and why there is none."""
    if not path.is_file():
        return None, (
            f"Whether pictures are like those the model was trained on is not told: no {path.name} "
            "lies beside it. `keras-cxr train` writes one, OutOfDistribution.fit too."
        )
    from keras_cxr.evaluation.ood import OutOfDistribution  # with its room, only where needed

    try:
        return OutOfDistribution.load(path, model), ""
    except (DataError, InvalidArgumentError) as error:
        return None, f"Whether pictures are unusual is not told: {error}"
