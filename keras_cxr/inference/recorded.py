"""The images that a model's run was trained and tested on, found again in their folder."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr._support.disk.documents import COUNT, SHARE, Document, Range
from keras_cxr._support.disk.file_names import RESULT_FILE, RUN_RECORD_FILE, SPLIT_FILE
from keras_cxr._support.text.prediction_tables import read_written
from keras_cxr.data import find_images
from keras_cxr.data.catalog import Catalog
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.training.checkpoint import RUN_RECORD

_UNKNOWN = (
    "Which images the model was trained and tested on is not known: train again, or test on images "
    'that it has not seen, with part="all".'
)

_OF_CLASS = ("precision", "recall", "recall_low", "recall_high", "f1", "roc_auc")


def _without_epochs(result: dict[str, Any]) -> str:
    return "" if result["images"] and result["training"]["seconds_per_epoch"] else "has no epoch"


RUN_RESULT = Document(
    what="the result of a run",
    form={
        "settings": {
            "epochs": COUNT,
            "precision": str,
            "weights": (str, None),
            "model?": str,
            "experiment?": {"model": str},
        },
        "machine": {"processor": object, "cores": object, "accelerator": object},
        "parameters": COUNT,
        "training": {
            "precision": str,
            "history": {str: [(float, None)]},
            "seconds_per_epoch": [Range(0)],
        },
        "images": {str: {str: COUNT}},
        "phantoms": bool,
        "data_summary": str,
        "evaluation": {
            "num_images": COUNT,
            "class_names": [str],
            "accuracy": SHARE,
            "accuracy_interval": [SHARE, SHARE],
            "balanced_accuracy": SHARE,
            "balanced_accuracy_interval": [SHARE, SHARE],
            "per_class": {str: {"support": COUNT} | dict.fromkeys(_OF_CLASS, (float, None))},
        },
    },
    remedy="Train again into the same folder: what is trained is not trained again.",
    rule=_without_epochs,
)
_RECORD = replace(
    RUN_RECORD,
    error=DataError,
    remedy="Train again, or delete it to use the model without the names of its classes.",
)

PathLike = str | os.PathLike[str]


def recorded_folder(model: PathLike) -> Path:
    """Return the folder beside a model that holds its run's `split.csv`.

    Raises:
        InvalidArgumentError: (a ValueError) there is none.
    """
    place = Path(model)
    near = (place, *place.absolute().parents[:2])
    found = next((folder for folder in near if (folder / SPLIT_FILE).is_file()), None)
    if found is None:
        raise InvalidArgumentError(
            f"No {SPLIT_FILE} lies beside {model}: which images it was trained on is not known. "
            'Test on images that it has not seen, with part="all".'
        )
    return found


def recorded_images(model: PathLike, data: PathLike, part: str) -> Catalog:
    """Return the images that the model's run kept for a part, as `make_datasets` takes them.

    The catalog tells no part, so that a data set of these images alone can be made.

    Args:
        model: folder of a run or a `.keras` file in it.
        data: folder or CSV file that it was trained on.
        part: "train", "val" or "test".

    Raises:
        InvalidArgumentError: (a ValueError) there is no run beside the model.
        DataError: (a ValueError) images of the part do not lie in this folder, or the run has
            no such part.
    """
    found = _recorded(model, data, part)
    if not found.entries:
        raise DataError(
            f"The run beside {model} kept no images for the part {part}. Test on another part, or "
            'on every image of another folder with part="all".'
        )
    entries = tuple(entry._replace(part="") for entry in found.entries)
    return replace(found, entries=entries)


def all_images(data: PathLike) -> Catalog:
    """Every image of a folder or CSV file as `make_datasets` takes them, whatever part it names."""
    found = find_images(data)
    return replace(found, entries=tuple(entry._replace(part="") for entry in found.entries))


def recorded_catalog(model: PathLike, data: PathLike) -> Catalog:
    """Return the images of a model's run as `make_datasets` takes them: classes, parts, groups.

    It is the catalog of `data` without the files that the run left out, so that the cache of
    decoded images is the one that training filled.

    Args:
        model: folder of a run or a `.keras` file in it.
        data: folder or CSV file that it was trained on.

    Raises:
        InvalidArgumentError: (a ValueError) there is no run beside the model.
        DataError: (a ValueError) images of the run do not lie in this folder.
    """
    return _recorded(model, data, None)


def _recorded(model: PathLike, data: PathLike, part: str | None) -> Catalog:
    table = read_split(recorded_folder(model))
    if part is not None:
        table = table[table["part"] == part]
    rows = {str(row["file"]): row for row in table.to_dict("records")}
    catalog = find_images(data)
    entries = tuple(
        entry._replace(label=row["class"], group=row["group"], part=row["part"])
        for entry in catalog.entries
        if (row := rows.get(entry.file)) is not None and entry.size >= 0
    )
    missing = sorted(set(rows) - {entry.file for entry in entries})
    if missing:
        which = "the run" if part is None else f"the run's {part} part"
        raise DataError(_missing(missing, len(rows), data=data, which=which))
    return replace(catalog, entries=entries)


def read_split(folder: Path) -> pd.DataFrame:
    """Return a run's `split.csv`: columns file, class, part, group and mask, all text.

    Raises:
        DataError: (a ValueError) it is damaged.
    """
    file = folder / SPLIT_FILE
    try:
        table = read_written(file, ("file", "class", "part", "group", "mask"))
    except DataError as error:
        raise DataError(f"{error} {_UNKNOWN}") from error
    parts = sorted(set(table["part"]) - {"train", "val", "test"})
    twice = table["file"][table["file"].duplicated()]
    problem = ""
    if parts:
        problem = f"has the part {parts[0]!r}, not train, val or test"
    elif not len(table) or (table[["file", "class"]] == "").any(axis=None):
        problem = "has no rows, or rows without a file or class"
    elif table["file"].str.contains("\0").any():
        problem = "holds NUL bytes, as damaged files do"
    elif len(twice):
        problem = f"names {twice.iloc[0]} twice"
    if problem:
        raise DataError(f"{file} {problem}. {_UNKNOWN}")
    return table


def recorded_run(folder: Path) -> dict[str, Any]:
    """Return what the `run.json` in a folder holds; empty where there is none.

    Raises:
        DataError: (a ValueError) it is damaged.
    """
    return _RECORD.read(folder / RUN_RECORD_FILE) if (folder / RUN_RECORD_FILE).is_file() else {}


def recorded_result(model: PathLike) -> dict[str, Any]:
    """Return what `result.json` beside a run's `split.csv` holds; empty where there is none.

    Raises:
        DataError: (a ValueError) it is damaged.
    """
    file = recorded_folder(model) / RESULT_FILE
    return RUN_RESULT.read(file) if file.is_file() else {}


def _missing(files: list[str], total: int, *, data: PathLike, which: str) -> str:
    return (
        f"{data} lacks {len(files)} of the {total} images of {which}, for example {files[0]}. "
        "Name the folder that the model was trained on, or test on every image of another one "
        'with part="all".'
    )
