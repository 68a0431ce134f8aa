"""A classifier in the form of another runtime, made once, kept in the cache, read without Keras."""

import hashlib
import os
import platform
import shutil
from collections.abc import Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_cxr._support.checks import check_choice
from keras_cxr._support.disk.documents import COUNT, Document, Range, Text
from keras_cxr._support.disk.file_names import (
    COMPILED_FILE,
    PREDICTION_SETS_FILE,
    PRESET_FILE,
    RUN_RECORD_FILE,
    UNUSUAL_FILE,
)
from keras_cxr._support.disk.files import SET_CACHE, file_digest, writing_to
from keras_cxr._support.disk.jsonable import to_json, write_json
from keras_cxr._support.disk.locking import ScratchFolder, locked
from keras_cxr._version import __version__
from keras_cxr.data.caching.cache import default_cache_dir
from keras_cxr.data.labels import check_class_names
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.evaluation.ood import OutOfDistribution
from keras_cxr.evaluation.ood_file import weights_digest
from keras_cxr.inference.places import Saved, find_model_file
from keras_cxr.inference.preset.places import locate_preset
from keras_cxr.phantoms.fitted import draw_pictures
from keras_cxr.runtimes.compiled import CompiledModel, answering_graph
from keras_cxr.runtimes.formats import FORMATS, check_installed, find_format
from keras_cxr.runtimes.writing import write_checked
from keras_cxr.statistics.conformal import ConformalSets

if TYPE_CHECKING:  # only what makes the files needs Keras
    import keras

RUNTIMES = ("keras", "onnx", "litert")
"""What may answer for a classifier: Keras, ONNX Runtime, LiteRT."""

SCHEMA_VERSION = 1
_DIGEST = Text(r"[0-9a-f]{64}", "a SHA-256")
COMPILED = Document(
    what="a classifier in another runtime",
    form={
        "name": str,
        "input_shape": [COUNT, COUNT, COUNT],
        "num_features": COUNT,
        "weights": _DIGEST,
        "files": {str: _DIGEST},
        "class_names": [str],
        "data": {str: object},
        "notes": [str],
        "largest_difference": Range(0),
        "versions": {str: str},
    },
    remedy="Delete its folder: it is made again.",
    version=SCHEMA_VERSION,
)


def read_compiled(
    path: str | os.PathLike[str],
    runtime: str,
    *,
    class_names: Sequence[str] | None = None,
    custom_objects: dict[str, Any] | None = None,
) -> Saved:
    """Return what `Classifier.load` holds with a `CompiledModel` for its model.

    What is not in the cache yet is made there by Keras and held against it on sixteen phantoms.

    Args:
        path: as `Classifier.load` takes it.
        runtime: "onnx" or "litert".
        class_names: as `Classifier.load` takes it.
        custom_objects: as `Classifier.load` takes it.

    Raises:
        MissingExtraError: (an ImportError) the runtime is not installed.
        BackendError: (an ImportError) Keras' backend here cannot make its form.
        ExportError: (a RuntimeError) the model has no such form, or answers differently there.
        OutputError: (an OSError) the cache cannot be written.
        NotFoundError, DataError, InvalidArgumentError: as `Classifier.load` raises them.
    """
    check_installed(FORMATS[runtime], only_to_read=True)
    load = partial(_load_keras, Path(path), custom_objects)
    folder = compiled_folder(path, runtime, class_names=class_names)
    if (found := _read(folder, runtime, load)) is not None:
        return found
    find_format(runtime)
    with writing_to(folder.parent, called="cache", remedy=SET_CACHE):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(
            folder.parent / ".lock", f"Another process makes {folder.name}: waiting for it"
        ):
            if (found := _read(folder, runtime, load)) is not None:
                return found
            from keras_cxr.inference.loading import read_saved

            saved = read_saved(path, class_names=class_names, custom_objects=custom_objects)
            scratch = ScratchFolder(folder)
            try:
                _make(saved, runtime, scratch.path)
                shutil.rmtree(folder, ignore_errors=True)  # damaged
                scratch.become(folder)
            finally:
                scratch.remove()
    made = _read(folder, runtime, load)
    if made is None:
        raise DataError(f"{folder} was changed while it was made. Try again.")
    return made


def check_runtime(runtime: str, precision: str = "float32") -> None:
    """Raise unless there is such a runtime, and it computes in such numbers.

    Raises:
        InvalidArgumentError: (a ValueError) the text names them.
    """
    check_choice("runtime", runtime, RUNTIMES)
    if runtime != "keras" and precision != "float32":
        raise InvalidArgumentError(
            f"precision={precision!r} is for Keras' own answers; {runtime} computes in float32: "
            'leave it out, or pass runtime="keras".'
        )


def compiled_folder(
    path: str | os.PathLike[str], runtime: str, *, class_names: Sequence[str] | None = None
) -> Path:
    """Return where the form of a model for a runtime is kept, made or not.

    Its name comes from all that its answers depend on: another model, record, detector or release
    is another folder.

    Raises:
        NotFoundError: there is no such model.
        InvalidArgumentError: (a ValueError) `class_names` are no names.
    """
    preset = locate_preset(path)
    if preset is not None:
        sources = [preset / PRESET_FILE]
    else:
        file = find_model_file(Path(path))
        beside = (RUN_RECORD_FILE, UNUSUAL_FILE, PREDICTION_SETS_FILE)
        sources = [file, *(file.with_name(name) for name in beside)]
    held = {one.name: file_digest(one) for one in sources if one.is_file()}
    names = None if class_names is None else check_class_names(class_names)
    asked = to_json([__version__, SCHEMA_VERSION, runtime, names, held], indent=None)
    key = hashlib.sha256(asked.encode()).hexdigest()
    return default_cache_dir() / "compiled" / f"{runtime}-{key[:32]}"


def is_compiled(path: str | os.PathLike[str], runtime: str) -> bool:
    """Return whether a model can answer in a runtime without being made for it first.

    Raises:
        NotFoundError: there is no such model.
    """
    return (compiled_folder(path, runtime) / COMPILED_FILE).is_file()


def _load_keras(path: Path, custom_objects: dict[str, Any] | None) -> "keras.Model":
    from keras_cxr.inference.loading import read_saved

    return read_saved(path, custom_objects=custom_objects).model


def _make(saved: Saved, runtime: str, folder: Path) -> None:
    """Write the form of a model for a runtime, once it answers there as in Keras."""
    model: Any = saved.model
    height, width = (
        side or known
        for side, known in zip(
            model.input_shape[1:3], saved.data_options.get("image_size", (0, 0)), strict=True
        )
    )
    with_features = saved.unusual is not None
    graph = answering_graph(model, (height, width), with_features=with_features)
    asked = draw_pictures((height, width), model.input_shape[-1]).astype(np.float32)
    wanted = FORMATS[runtime]
    expected = _answers_of_keras(model, asked, with_features=with_features)
    _, parity = write_checked(
        graph, folder / wanted.file, wanted=wanted, asked=asked, expected=expected
    )
    if saved.unusual is not None:
        saved.unusual.save(folder / UNUSUAL_FILE)
    if saved.prediction_sets is not None:
        saved.prediction_sets.save(folder / PREDICTION_SETS_FILE)
    kept = (wanted.file, UNUSUAL_FILE, PREDICTION_SETS_FILE)
    document = {
        "schema_version": SCHEMA_VERSION,
        "name": model.name,
        "input_shape": [height, width, model.input_shape[-1]],
        "num_features": expected.shape[1] - len(saved.class_names),
        "weights": weights_digest(model),
        "files": {name: file_digest(folder / name) for name in kept if (folder / name).is_file()},
        "class_names": saved.class_names,
        "data": saved.data_options,
        "notes": saved.notes,
        "largest_difference": parity.largest_difference,
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in ("keras", *wanted.packages.values())},
    }
    write_json(folder / COMPILED_FILE, document)


def _answers_of_keras(model: Any, images: Any, *, with_features: bool) -> Any:
    from keras_cxr.keras_graph.features import feature_model
    from keras_cxr.keras_graph.interface import predict_probabilities

    found = predict_probabilities(model, images)
    if not with_features:
        return found
    features = np.asarray(feature_model(model).predict_on_batch(images), np.float64)
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.hstack([found, features / np.maximum(length, 1e-9)])


def _read(folder: Path, runtime: str, load_keras: Any) -> Saved | None:
    """Return what was kept; None where it is not there, damaged, or not the runtime's."""
    wanted = FORMATS[runtime]
    try:
        document = COMPILED.read(folder / COMPILED_FILE)
        if wanted.file not in document["files"] or any(
            file_digest(folder / name) != digest for name, digest in document["files"].items()
        ):
            return None
    except (DataError, OSError):
        return None  # it is made again
    names = tuple(document["class_names"])
    height, width, channels = document["input_shape"]
    model = CompiledModel(
        name=document["name"],
        input_shape=(None, height, width, channels),
        num_classes=len(names),
        num_features=document["num_features"],
        weights=document["weights"],
        runtime=wanted.load(folder / wanted.file),
        file=folder / wanted.file,
        read=wanted.load,
        load_keras=load_keras,
    )
    unusual = sets = None
    if UNUSUAL_FILE in document["files"]:
        unusual = OutOfDistribution.load(folder / UNUSUAL_FILE, model)
    if PREDICTION_SETS_FILE in document["files"]:
        sets = ConformalSets.load(folder / PREDICTION_SETS_FILE)
    return Saved(model, names, document["data"], unusual, tuple(document["notes"]), sets)
