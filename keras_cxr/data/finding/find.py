"""Finds the images of any data that `make_datasets` takes by path or table."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr.data.catalog import Catalog, collector_paused
from keras_cxr.data.finding.folders import find_in_folder
from keras_cxr.data.finding.spellings import spelling_notes
from keras_cxr.data.finding.tables import find_in_table
from keras_cxr.data.tables.csv_files import read_csv
from keras_cxr.errors import InvalidArgumentError


def find_images(
    data: Any,
    *,
    root: str | os.PathLike[str] | None = None,
    require_classes: bool = True,
) -> Catalog:
    """Return the catalog of a folder, a CSV file or a DataFrame; no image is decoded.

    Args:
        data: the folder, the path of the CSV file, or the DataFrame; a catalog is returned as
            it is.
        root: the folder that a table's paths are relative to; by default the CSV file's own,
            for a DataFrame the working folder.
        require_classes: whether a folder of images without class folders is refused; else its
            images have the label "".

    Raises:
        NotFoundError: There is no such folder or file; similar names are offered.
        DataError: No layout fits, or the table lacks columns or cells.
        InvalidArgumentError: `data` is something else.
    """
    if isinstance(data, Catalog):
        return data
    found = _find(data, root=root, require_classes=require_classes)
    return replace(found, notes=(*found.notes, *spelling_notes(found.class_names)))


def _find(data: Any, *, root: str | os.PathLike[str] | None, require_classes: bool) -> Catalog:
    if root is not None and not isinstance(root, str | os.PathLike):
        raise InvalidArgumentError(f"root must be a folder, received {type(root).__name__}")
    if isinstance(data, pd.DataFrame):
        return find_in_table(data, root=root, name="the DataFrame")
    if not isinstance(data, str | os.PathLike):
        raise InvalidArgumentError(
            "data must be a folder, a CSV file, a DataFrame or a tuple (images, labels), received "
            f"{type(data).__name__}"
        )
    path = Path(data).expanduser()
    if path.suffix.lower() == ".csv" and not path.is_dir():
        folder = root if root is not None else path.parent
        return find_in_table(read_csv(path), root=folder, name=path.name)
    with collector_paused():
        return find_in_folder(path, require_classes=require_classes)
