"""The images that a model's run was trained and tested on, found again in their folder."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_cxr._tables import read_written
from keras_cxr.data import find_images
from keras_cxr.data.catalog import Catalog
from keras_cxr.errors import DataError, InvalidArgumentError

SPLIT_FILE = "split.csv"

PathLike = str | os.PathLike[str]


def recorded_folder(model: PathLike) -> Path:
    """The folder beside a model that holds its run's `split.csv`.

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
    """The images that the model's run kept for a part, as `make_datasets` takes them.

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
    """The images of a model's run as `make_datasets` takes them: same classes, parts, groups.

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
    columns = ("file", "class", "part", "group", "mask")
    table = read_written(recorded_folder(model) / SPLIT_FILE, columns)
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


def recorded_result(model: PathLike) -> dict[str, Any]:
    """What `result.json` beside a run's `split.csv` holds; empty where there is none."""
    file = recorded_folder(model) / "result.json"
    return json.loads(file.read_text()) if file.is_file() else {}


def _missing(files: list[str], total: int, *, data: PathLike, which: str) -> str:
    return (
        f"{data} lacks {len(files)} of the {total} images of {which}, for example {files[0]}. "
        "Name the folder that the model was trained on, or test on every image of another one "
        'with part="all".'
    )
