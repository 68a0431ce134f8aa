"""`open_source`: what is exported, found by whatever names it."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from keras_cxr._support.disk.documents import Document, Range
from keras_cxr._support.disk.file_names import (
    CALIBRATED_MODEL_FILE,
    LAST_MODEL_FILE,
    MODEL_AUDIT_FILE,
    PRESET_FILE,
    RUN_RECORD_FILE,
    SPLIT_FILE,
)
from keras_cxr.audit.of_model.result import SCHEMA_VERSION
from keras_cxr.data.labels import check_class_names
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.exports.serving import Source
from keras_cxr.inference.classifier import Classifier, load_classifier
from keras_cxr.inference.places import find_model_file
from keras_cxr.inference.preset.form import PRESET
from keras_cxr.inference.preset.places import locate_preset
from keras_cxr.keras_graph.interface import check_reads_images, num_outputs
from keras_cxr.segmentation import LungSegmenter
from keras_cxr.statistics.calibration.scaling import Scaling

_AUDIT = Document(
    what="the audit of a model",
    form={
        "data": {"images": {str: object}, "region?": str},
        "confidence": ({"temperature": (Range(0), None)}, None),
    },
    remedy="Audit the model again, or export it without calibration (calibrate=False).",
    version=SCHEMA_VERSION,
    earlier=(1,),
)


SEGMENTER = "lung_unet"
"""What the segmenter in the package is called where no file or folder is."""


def open_source(
    model: keras.Model | LungSegmenter | str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None,
    calibrate: bool,
    custom_objects: dict[str, Any] | None,
) -> Source:
    """Return what is to be exported, with a run's temperature where its audit has found one.

    Raises:
        NotFoundError: (a FileNotFoundError) there is no such model.
        DataError: (a ValueError) it, or the record of its run or audit, is damaged.
        InvalidArgumentError: (a ValueError) it does not tell classes of images apart, or the
            names do not fit it.
    """
    if isinstance(model, str | os.PathLike):
        path = Path(model)
        if str(model) == SEGMENTER and not path.exists():
            return _of_segmenter(LungSegmenter(), class_names)
        if (folder := locate_preset(path)) is not None:
            return _of_preset(folder, class_names, calibrate)
        return _of_file(path, class_names, calibrate, custom_objects)
    if isinstance(model, LungSegmenter):
        return _of_segmenter(model, class_names)
    count = num_outputs(model)
    check_reads_images(model)
    if None in model.input_shape[1:3]:
        raise InvalidArgumentError(
            f"the model {model.name!r} takes images of any size, an export takes one: put it into "
            "a model with keras.Input((height, width, channels)) of that size."
        )
    numbers = [str(index) for index in range(count)]
    names = check_class_names(numbers if class_names is None else class_names, count)
    return Source(
        model=model,
        class_names=names,
        image_size=model.input_shape[1:3],
        data_options={},
        notes=_notes(names, class_names is None, {}),
    )


def _of_segmenter(segmenter: LungSegmenter, class_names: Sequence[str] | None) -> Source:
    if class_names is not None:
        raise InvalidArgumentError(
            f"class_names are {list(class_names)}, but a segmenter tells no classes apart: leave "
            "them out."
        )
    note = (
        "Maps are as the network computes them: that there are two lungs, and whether these can "
        "be lungs at all, is judged by LungSegmenter alone."
    )
    return Source(
        kind="segmenter",
        model=segmenter.model,
        class_names=("lung",),
        image_size=segmenter.image_size,
        data_options={},
        notes=(note,),
    )


def _of_preset(folder: Path, class_names: Sequence[str] | None, calibrate: bool) -> Source:
    found = load_classifier(folder, class_names=class_names)
    temperature = float(PRESET.read(folder / PRESET_FILE)["temperature"])
    notes = [*found.notes, *_notes(found.class_names, False, found.data_options)]
    if not calibrate and temperature != 1:
        notes.append(
            f"The temperature {temperature:.3g} is part of the preset's model and stays inside."
        )
    return _of_classifier(found, temperature=temperature, notes=tuple(notes))


def _of_file(
    path: Path,
    class_names: Sequence[str] | None,
    calibrate: bool,
    custom_objects: dict[str, Any] | None,
) -> Source:
    calibrated = path / CALIBRATED_MODEL_FILE
    file = calibrated if calibrated.is_file() else find_model_file(path)
    found = load_classifier(file, class_names=class_names, custom_objects=custom_objects)
    audit = _audit_beside(file)
    measured = (audit.get("confidence") or {}).get("temperature")
    scaling, temperature = None, 1.0
    if file.name == CALIBRATED_MODEL_FILE and audit:
        if class_names is None:
            names = check_class_names(list(audit["data"]["images"]), len(found.class_names))
            found = replace(found, class_names=names)
        region = {"region": audit["data"].get("region", "full")}
        found = replace(found, data_options=region | found.data_options)
        temperature = float(measured or 1)
    elif calibrate and measured:
        scaling = Scaling(float(measured), (0.0,) * len(found.class_names))
    unnamed = class_names is None and not audit and not (file.parent / RUN_RECORD_FILE).is_file()
    notes = _notes(found.class_names, unnamed, found.data_options)
    return _of_classifier(found, scaling=scaling, temperature=temperature, notes=notes)


def _of_classifier(found: Classifier, **more: Any) -> Source:
    return Source(
        model=found.model,
        class_names=found.class_names,
        image_size=found.image_size,
        data_options=found.data_options,
        **more,
    )


def _audit_beside(file: Path) -> dict[str, Any]:
    """Return the audit of just this model; empty where there is none.

    That of a run is of its last weights, and lies beside `split.csv`; that of `keras-cxr audit
    --model` beside its calibrated model.
    """
    if file.name == CALIBRATED_MODEL_FILE:
        place = file.parent
    elif file.name == LAST_MODEL_FILE and (file.absolute().parents[1] / SPLIT_FILE).is_file():
        place = file.absolute().parents[1]
    else:
        return {}
    document = place / MODEL_AUDIT_FILE
    return _AUDIT.read(document) if document.is_file() else {}


def _notes(names: Sequence[str], unnamed: bool, known: dict[str, Any]) -> tuple[str, ...]:
    notes = []
    if unnamed:
        notes.append(
            f"The classes are called {', '.join(names)}, since no run names them: pass class_names."
        )
    region = known.get("region", "full")
    if region != "full":
        notes.append(
            f"The model was trained on the region {region!r} of its images: make the rest of each "
            "picture black before the export is asked, or its answers are not those that were "
            "tested."
        )
    if known.get("intensity", "stored") != "stored":
        notes.append(
            f"Its films were read with intensity={known['intensity']!r}: read others likewise."
        )
    return tuple(notes)
