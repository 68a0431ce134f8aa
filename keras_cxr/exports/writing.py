"""`export`: one model into one format, checked there, whole or not at all."""

import os
import platform
import shutil
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cxr._support.disk.file_names import EXPORT_FILE
from keras_cxr._support.disk.files import file_digest, write_whole
from keras_cxr._support.disk.jsonable import to_json
from keras_cxr._support.disk.locking import ScratchFolder
from keras_cxr._support.disk.outputs import check_free, export_output
from keras_cxr._support.processes import check_not_forked
from keras_cxr.errors import InvalidArgumentError, OutputError
from keras_cxr.exports.pictures import ParityPictures, choose_pictures
from keras_cxr.exports.record import Export
from keras_cxr.exports.serving import Source
from keras_cxr.exports.sources import open_source
from keras_cxr.runtimes.formats import ExportFormat, Runtime, find_format
from keras_cxr.runtimes.measures import Parity, Speed
from keras_cxr.runtimes.parity import measure_speed
from keras_cxr.runtimes.writing import write_checked
from keras_cxr.segmentation import LungSegmenter

_PACKAGES = ("keras-cxr", "keras", "numpy")
_BATCH_SIZE = 16


def export(
    model: keras.Model | LungSegmenter | str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    format: str = "onnx",
    class_names: Sequence[str] | None = None,
    calibrate: bool = True,
    calibrate_on: str | os.PathLike[str] | None = None,
    custom_objects: dict[str, Any] | None = None,
) -> Export:
    """Return a model written in a format that other programs read, once it has proved itself there.

    What is written takes pixels `(batch, height, width, channels)` uint8 in [0, 255] of the model's
    size and returns probabilities `(batch, classes)` float32: scaling, temperature and softmax are
    inside. That of a segmenter returns the probability that each pixel is lung, `(batch, height,
    width)`. `export.json` beside it holds the names of the classes and how films become such
    pixels. Before anything reaches `out_dir`, the format's own runtime answers for sixteen
    phantoms; where a probability is more than 1e-4 from Keras', nothing is written. "litert-int8"
    computes in whole numbers and is asked about forty pictures: 0.3 passes there, with eight of ten
    answers equal. That shows that the copy is true, not that the model is right. How many images a
    second it answers for is measured beside Keras, too.

    Args:
        model: a Keras model, a run's folder (its last weights are taken), a `.keras` file, one of
            `list_presets()` or a preset's folder, or the folder in which an audit of a model left
            `calibrated.keras`; a `LungSegmenter`, or "lung_unet" for the one in the package. Yours
            stays as it is.
        out_dir: a new folder, or one that holds an earlier export in the same format.
        format: "keras", "savedmodel", "onnx", "litert" or "litert-int8".
        class_names: in the order of the outputs; read from the run or preset where there is one,
            else "0", "1", ….
        calibrate: put the temperature inside that the audit of the model's run has found. It
            changes no answer. A preset's is always inside.
        calibrate_on: for "litert-int8" a folder of films like those that it will see: every second
            of up to 200 sets the ranges of its numbers, the others it is asked about. None takes
            phantoms.
        custom_objects: layers and functions of your own in the model, by name, as
            `keras.saving.load_model` takes them.

    Raises:
        MissingExtraError: (an ImportError) the format's runtime is not installed.
        BackendError: (an ImportError) Keras' backend here cannot write the format.
        InvalidArgumentError: (a ValueError) the model does not tell classes of images apart, or
            cannot be copied.
        NotFoundError: (a FileNotFoundError) there is no such model, or no film to calibrate on.
        DataError: (a ValueError) the model, or the record of its run, is damaged, or too few films
            can be read.
        ExportError: (a RuntimeError) the model cannot be written in the format, or answers
            differently there.
        OutputError: (an OSError) the folder cannot be written, or holds other files of these names.
    """
    wanted = find_format(format)
    if calibrate_on is not None and not wanted.quantizes:
        raise InvalidArgumentError(
            f"calibrate_on={os.fspath(calibrate_on)!r} sets the ranges of whole numbers, and "
            f"{format} has none: leave it out, or pass format='litert-int8'."
        )
    check_not_forked()
    named = None if isinstance(model, keras.Model | LungSegmenter) else model
    if named is not None and not isinstance(named, str | os.PathLike):
        raise InvalidArgumentError(
            "model must be a Keras model, a LungSegmenter, a run's folder, a .keras file or a "
            f"preset, received {type(model).__name__}."
        )
    folder = check_free(
        out_dir,
        export_output(wanted.name, wanted.file),
        inputs=(named, calibrate_on),
        model=named,
        called="model",
    )
    source = open_source(
        model, class_names=class_names, calibrate=calibrate, custom_objects=custom_objects
    )
    pictures = choose_pictures(source, quantizes=wanted.quantizes, folder=calibrate_on)
    try:
        scratch = ScratchFolder(folder.absolute())
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        with keras.saving.custom_object_scope(custom_objects or {}):
            measured = _write_and_ask(source, wanted, scratch.path, pictures)
        notes = (*source.notes, *pictures.notes)
        made = _describe(source, wanted, scratch.path, measured, folder=folder, notes=notes)
        write_whole(scratch.path / EXPORT_FILE, to_json(made.to_dict()) + "\n")
        _put_in_place(scratch, folder, wanted)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        scratch.remove()
    return made


def _write_and_ask(
    source: Source, wanted: ExportFormat, folder: Path, pictures: ParityPictures
) -> tuple[Runtime, Parity, tuple[Speed, ...]]:
    """Write the model in the format, load it in its runtime and hold that against Keras."""
    path = folder / wanted.file
    expected = np.concatenate(
        [
            source.predict(pictures.asked[start : start + _BATCH_SIZE])
            for start in range(0, len(pictures.asked), _BATCH_SIZE)
        ]
    )
    try:
        runtime, parity = write_checked(
            source.serving(),
            path,
            wanted=wanted,
            asked=pictures.asked,
            expected=expected,
            calibrating=pictures.calibrating,
            pictures=pictures.called,
        )
    except OSError as error:
        raise _unwritable(folder, error) from error
    return runtime, parity, measure_speed(runtime.predict, source.predict, pictures.asked[0])


def _describe(
    source: Source,
    wanted: ExportFormat,
    scratch: Path,
    measured: tuple[Runtime, Parity, tuple[Speed, ...]],
    *,
    folder: Path,
    notes: tuple[str, ...],
) -> Export:
    runtime, parity, speed = measured
    path = scratch / wanted.file
    files = sorted(one for one in [path, *path.rglob("*")] if one.is_file())
    is_map = source.kind == "segmenter"
    calibration = source.calibration
    return Export(
        folder=folder,
        format=wanted.name,
        kind=source.kind,
        model=source.model.name,
        files={one.relative_to(scratch).as_posix(): file_digest(one) for one in files},
        num_bytes=sum(one.stat().st_size for one in files),
        class_names=source.class_names,
        input={
            "name": runtime.input_name,
            "dtype": "uint8",
            "shape": [None, *source.image_size, source.model.input_shape[-1]],
            "range": [0, 255],
        },
        output={
            "name": runtime.output_name,
            "dtype": "float32",
            "shape": [None, *(source.image_size if is_map else [len(source.class_names)])],
            "range": [0, 1],
        },
        image_size=source.image_size,
        color_mode=source.color_mode,
        intensity=source.intensity,
        region=source.region,
        calibration=None if calibration is None else calibration.to_dict(),
        parity=parity,
        speed=speed,
        notes=notes,
        versions=_versions(wanted),
    )


def _put_in_place(scratch: ScratchFolder, folder: Path, wanted: ExportFormat) -> None:
    """Make the scratch folder the export's; an earlier export's files are replaced, others stay."""
    if not folder.exists():
        scratch.become(folder.absolute())
        return
    for name in (wanted.file, EXPORT_FILE):
        earlier = folder / name
        if earlier.is_dir() and not earlier.is_symlink():
            shutil.rmtree(earlier)
        (scratch.path / name).replace(earlier)


def _versions(wanted: ExportFormat) -> dict[str, str]:
    packages = (*_PACKAGES, keras.backend.backend(), *wanted.packages.values())
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in dict.fromkeys(packages)
    }


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"The export cannot be written to {folder} ({error.strerror or error}). Choose another "
        "folder or make room."
    )
