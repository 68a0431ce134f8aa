"""Finds images through a CSV file or a pandas DataFrame, and looks up patients' groups."""

import hashlib
import os
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr._names import name_bytes
from keras_cxr.data.catalog import PART_NAMES, Catalog, Entry, listing, near_name
from keras_cxr.errors import DataError, NotFoundError

LABEL_COLUMNS = ("label", "class")
GROUP_COLUMNS = ("group", "patient", "patient_id")

Groups = str | os.PathLike[str] | pd.DataFrame | Mapping[str, str]


def read_csv(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Returns a CSV file's columns as text, "" for empty cells.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is not a CSV file.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise NotFoundError(f"There is no file {file}{near_name(file)}")
    try:
        return pd.read_csv(file, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (ValueError, OSError) as error:
        raise DataError(f"{file} cannot be read as a CSV file: {error}") from error


def find_in_table(
    table: pd.DataFrame, *, root: str | os.PathLike[str] | None, name: str
) -> Catalog:
    """Returns the catalog of a table with columns file and label (or class).

    Optional columns: group, mask, part. Further ones are ignored.

    Args:
        table: One row per image.
        root: The folder that relative paths start from; None means the working folder.
        name: What errors call the table.

    Raises:
        DataError: Columns or cells are missing, or a file stands twice.
    """
    folder = Path(root).expanduser() if root is not None else Path.cwd()
    label = next((column for column in LABEL_COLUMNS if column in table.columns), None)
    if "file" not in table.columns or label is None:
        columns = ", ".join(map(str, table.columns)) or "none"
        raise DataError(f"{name} needs the columns file and label; it has {columns}")
    if len(table) == 0:
        raise DataError(f"{name} has no rows; expected one per image")
    cells = {
        "file": cell_texts(table["file"]),
        "label": cell_texts(table[label]),
        **{
            column: cell_texts(table[column]) if column in table.columns else [""] * len(table)
            for column in ("group", "mask", "part")
        },
    }
    _refuse(
        [f"row {row + 1}" for row, file in enumerate(cells["file"]) if not file],
        f"{name} has rows without a file",
    )
    _refuse(
        [file for file, text in zip(cells["file"], cells["label"], strict=True) if not text],
        f"{name} has files without a label",
    )
    parts = [PART_NAMES.get(part.lower(), part) for part in cells["part"]]
    _refuse(
        [
            f"{file}: {part or '(empty)'}"
            for file, part in zip(cells["file"], parts, strict=True)
            if part not in ("train", "val", "test")
        ]
        if any(parts)
        else [],
        f"{name}: the column part must say train, val or test in every row",
    )
    entries = []
    for file, text, group, mask, part in zip(
        cells["file"], cells["label"], cells["group"], cells["mask"], parts, strict=True
    ):
        size, time = _status(folder, file)
        mask_size, mask_time = _status(folder, mask) if mask else (-1, -1)
        entries.append(
            Entry(
                relative_file(folder, file),
                text,
                group,
                part,
                relative_file(folder, mask) if mask else "",
                size,
                time,
                mask_size,
                mask_time,
            )
        )
    twice = [file for file, count in Counter(one.file for one in entries).items() if count > 1]
    _refuse(twice, f"{name} names files more than once")
    source = f"{folder.resolve()}/{name}"
    if not name.endswith(".csv"):
        # frames have no name of their own: each set of files keeps its own cache
        source += hashlib.sha256(name_bytes("\n".join(one.file for one in entries))).hexdigest()[:8]
    return Catalog(folder, f"table ({name})", source, tuple(entries))


def with_groups(catalog: Catalog, groups: Groups, *, column: str | None = None) -> Catalog:
    """Returns the catalog with each file's group looked up; files that are not named keep none.

    Args:
        catalog: The images.
        groups: A mapping from file to group, or a DataFrame or CSV file with a column `file`.
        column: The table's column of groups; by default the first of group, patient,
            patient_id.

    Raises:
        DataError: The table lacks the columns or names none of the catalog's files.
    """
    if isinstance(groups, Mapping):
        found = {
            _posix(file): "" if pd.isna(group) else str(group) for file, group in groups.items()
        }
    else:
        table = groups if isinstance(groups, pd.DataFrame) else read_csv(groups)
        choices = [column] if column is not None else list(GROUP_COLUMNS)
        chosen = next((one for one in choices if one in table.columns), None)
        if "file" not in table.columns or chosen is None:
            raise DataError(
                f"The table of groups needs the columns file and {' or '.join(choices)}; it has "
                f"{', '.join(map(str, table.columns))}. Pass group_column= for another name."
            )
        files, names = cell_texts(table["file"]), cell_texts(table[chosen])
        found = {_posix(file): group for file, group in zip(files, names, strict=True)}
    entries = tuple(
        entry._replace(group=found.get(entry.file, entry.group)) for entry in catalog.entries
    )
    named = sum(entry.file in found for entry in entries)
    if not named:
        raise DataError(
            f"groups names none of the {len(entries):,} images. It must use paths relative to "
            f"{catalog.root}, such as {entries[0].file!r}; it has {next(iter(found), 'none')!r}"
        )
    notes = catalog.notes
    if named < len(entries):
        rest = len(entries) - named
        notes = (*notes, f"{rest:,} image(s) are not in the table of groups: each is its own")
    return replace(catalog, entries=entries, notes=notes)


def cell_texts(column: "pd.Series[Any]") -> list[str]:
    """Returns a column's cells as text without space around it, "" for empty ones."""
    return ["" if pd.isna(cell) else str(cell).strip() for cell in column]


def _posix(file: str) -> str:
    return posixpath.normpath(str(file).replace("\\", "/"))


def relative_file(folder: Path, file: str) -> str:
    """Returns a file as catalogs name it: with `/`, relative to the folder where it lies in it."""
    path = Path(file)
    if not path.is_absolute():
        return _posix(file)
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _status(folder: Path, file: str) -> tuple[int, int]:
    try:
        status = (folder / file).stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _refuse(lines: Sequence[str], problem: str) -> None:
    if lines:
        raise DataError(f"{problem} ({len(lines):,}):\n{listing(lines)}")
