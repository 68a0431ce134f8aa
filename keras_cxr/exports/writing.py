"""`export`: one model into one format, checked there, whole or not at all."""

import os
import platform
import shutil
import warnings
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import keras

from keras_cxr._support.disk.file_names import EXPORT_FILE
from keras_cxr._support.disk.files import write_whole
from keras_cxr._support.disk.jsonable import to_json
from keras_cxr._support.disk.locking import ScratchFolder
from keras_cxr._support.disk.outputs import check_free, export_output
from keras_cxr._support.processes import check_not_forked
from keras_cxr.errors import ExportError, InvalidArgumentError, KerasCXRError, OutputError
from keras_cxr.exports.formats import ExportFormat, Runtime, find_format
from keras_cxr.exports.parity import draw_pictures, measure_parity
from keras_cxr.exports.record import Export, Parity, sha256
from keras_cxr.exports.serving import serving_model
from keras_cxr.exports.sources import Source, open_source

_PACKAGES = ("keras-cxr", "keras", "numpy")
_SHOWN = 300  # characters: converters repeat whole graphs in their messages


def export(
    model: keras.Model | str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    *,
    format: str = "onnx",
    class_names: Sequence[str] | None = None,
    calibrate: bool = True,
    custom_objects: dict[str, Any] | None = None,
) -> Export:
    """Return a model written in a format that other programs read, once it has proved itself there.

    What is written takes pixels `(batch, height, width, channels)` uint8 in [0, 255] of the model's
    size and returns probabilities `(batch, classes)` float32: scaling, temperature and softmax are
    inside. `export.json` beside it holds the names of the classes and how films become such
    pixels. Before anything reaches `out_dir`, the format's own runtime answers for sixteen
    phantoms; where a probability is more than 1e-4 from Keras', nothing is written. That shows
    that the copy is true, not that the model is right.

    Args:
        model: a Keras model, a run's folder (its last weights are taken), a `.keras` file, or the
            folder in which an audit of a model left `calibrated.keras`. Yours stays as it is.
        out_dir: a new folder, or one that holds an earlier export in the same format.
        format: "keras", "savedmodel", "onnx" or "litert".
        class_names: in the order of the outputs; read from the run where there is one, else "0",
            "1", ….
        calibrate: put the temperature inside that the audit of the model's run has found. It
            changes no answer.
        custom_objects: layers and functions of your own in the model, by name, as
            `keras.saving.load_model` takes them.

    Raises:
        MissingExtraError: (an ImportError) the format's runtime is not installed.
        BackendError: (an ImportError) Keras' backend here cannot write the format.
        InvalidArgumentError: (a ValueError) the model does not tell classes of images apart, or
            cannot be copied.
        NotFoundError: (a FileNotFoundError) there is no such model.
        DataError: (a ValueError) the model, or the record of its run, is damaged.
        ExportError: (a RuntimeError) the model cannot be written in the format, or answers
            differently there.
        OutputError: (an OSError) the folder cannot be written, or holds other files of these names.
    """
    wanted = find_format(format)
    check_not_forked()
    named = None if isinstance(model, keras.Model) else model
    if named is not None and not isinstance(named, str | os.PathLike):
        raise InvalidArgumentError(
            "model must be a Keras model, a run's folder or a .keras file, received "
            f"{type(model).__name__}."
        )
    folder = check_free(
        out_dir,
        export_output(wanted.name, wanted.file),
        inputs=(named,),
        model=named,
        called="model",
    )
    source = open_source(
        model, class_names=class_names, calibrate=calibrate, custom_objects=custom_objects
    )
    try:
        scratch = ScratchFolder(folder.absolute())
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        with keras.saving.custom_object_scope(custom_objects or {}):
            runtime, parity = _write_and_ask(source, wanted, scratch.path)
        made = _describe(source, wanted, scratch.path, folder, runtime, parity)
        write_whole(scratch.path / EXPORT_FILE, to_json(made.to_dict()) + "\n")
        _put_in_place(scratch, folder, wanted)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        scratch.remove()
    return made


def _write_and_ask(source: Source, wanted: ExportFormat, folder: Path) -> tuple[Runtime, Parity]:
    """Write the model in the format, load it in its runtime and hold that against Keras."""
    found, path = source.classifier, folder / wanted.file
    pixels = draw_pictures(found.image_size, found.model.input_shape[-1])
    expected = found.predict(pixels.astype("float32"))
    if source.scaling is not None:
        expected = source.scaling.apply(expected)
    serving = serving_model(found.model, found.image_size, source.scaling)
    try:
        with warnings.catch_warnings():  # of converters about their own code
            warnings.simplefilter("ignore")
            wanted.save(serving, path)
        runtime = wanted.load(path)
        parity = measure_parity(
            runtime.predict, pixels, expected, called=f"{wanted.runtime} ({wanted.name})"
        )
    except KerasCXRError:
        raise
    except OSError as error:
        raise _unwritable(folder, error) from error
    except Exception as error:  # converters and runtimes raise what they like
        reason = " ".join(str(error).split())[:_SHOWN] or type(error).__name__
        raise ExportError(
            f"The model {found.model.name!r} cannot be exported as {wanted.name}: {reason}. "
            'Nothing was written. The format "keras" takes any model.'
        ) from error
    return runtime, parity


def _describe(
    source: Source,
    wanted: ExportFormat,
    scratch: Path,
    folder: Path,
    runtime: Runtime,
    parity: Parity,
) -> Export:
    found = source.classifier
    path = scratch / wanted.file
    files = sorted(one for one in [path, *path.rglob("*")] if one.is_file())
    return Export(
        folder=folder,
        format=wanted.name,
        model=found.model.name,
        files={one.relative_to(scratch).as_posix(): sha256(one) for one in files},
        num_bytes=sum(one.stat().st_size for one in files),
        class_names=found.class_names,
        input={
            "name": runtime.input_name,
            "dtype": "uint8",
            "shape": [None, *found.image_size, found.model.input_shape[-1]],
            "range": [0, 255],
        },
        output={
            "name": runtime.output_name,
            "dtype": "float32",
            "shape": [None, len(found.class_names)],
            "range": [0, 1],
        },
        image_size=found.image_size,
        color_mode=found.color_mode,
        intensity=found.intensity,
        region=str(found.data_options.get("region", "full")),
        calibration=None if source.scaling is None else source.scaling.to_dict(),
        parity=parity,
        notes=source.notes,
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
