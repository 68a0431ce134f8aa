"""Finds images through a CSV file or a pandas DataFrame."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from keras_cxr._support.text.names import name_bytes
from keras_cxr.data.catalog import PARTS, Catalog, Entry, collector_paused, listing
from keras_cxr.data.tables.columns import lacking, read_columns
from keras_cxr.data.tables.joining import is_absolute, relative_file
from keras_cxr.errors import DataError

_MISSING = (-1, -1)


def find_in_table(
    table: pd.DataFrame, *, root: str | os.PathLike[str] | None, name: str
) -> Catalog:
    """Return the catalog of a table with columns file and label.

    Optional columns: group, mask, part. `columns.COLUMNS` lists their names; further columns are
    not used, and named in a note where they look like one of these.

    Args:
        table: one row per image.
        root: the folder that relative paths start from; None means the working folder.
        name: what errors call the table.

    Raises:
        DataError: Columns or cells are missing or contradict each other, or a file stands twice.
    """
    folder = Path(root).expanduser() if root is not None else Path.cwd()
    found = read_columns(table, ("file", "label", "group", "mask", "part"), name=name)
    cells = found.cells
    if "file" not in cells or "label" not in cells:
        raise lacking(name, ("file", "label"), table)
    if len(table) == 0:
        raise DataError(f"{name} has no rows; expected one per image")
    _check_cells(cells, name, part_column=found.names.get("part", "part"))
    nothing = [""] * len(table)
    with collector_paused():
        entries = _entries(
            folder,
            cells["file"],
            cells["label"],
            *(cells.get(column, nothing) for column in ("group", "part", "mask")),
        )
    twice = _twice([entry.file for entry in entries])
    _refuse(twice, f"{name} names files more than once")
    source = f"{folder.resolve()}/{name}"
    if not name.endswith(".csv"):
        # frames have no name of their own: each set of files keeps its own cache
        source += hashlib.sha256(name_bytes("\n".join(one.file for one in entries))).hexdigest()[:8]
    notes = found.notes
    by = found.names.get("group", "group")
    if by.strip().lower() != "group" and any(cells["group"]):
        notes = (*notes, f"{name}: images of one {by!r} stay together in one part")
    return Catalog(folder, f"table ({name})", source, tuple(entries), notes)


def _check_cells(cells: dict[str, list[str]], name: str, *, part_column: str) -> None:
    """Refuse rows without file or label, or without a part where others have one."""
    files = cells["file"]
    _refuse(
        [f"row {row + 1}" for row, file in enumerate(files) if not file],
        f"{name} has rows without a file",
    )
    _refuse(
        [file for file, text in zip(files, cells["label"], strict=True) if not text],
        f"{name} has files without a label",
    )
    if any(cells.get("part", ())):
        _refuse(
            [
                f"{file}: {part or '(empty)'}"
                for file, part in zip(files, cells["part"], strict=True)
                if part not in PARTS
            ],
            f"{name}: the column {part_column} must say train, val or test in every row",
        )


def _entries(folder: Path, *columns: Sequence[str]) -> list[Entry]:
    """Return an entry for each row of the columns file, label, group, part and mask."""
    look_up = _finder(folder)
    entries = []
    texts: dict[str, str] = {}  # the same text for all rows of a class, part or group
    for file, label, group, part, mask in zip(*columns, strict=True):
        name, (size, time) = look_up(file)
        mask_name, (mask_size, mask_time) = look_up(mask) if mask else ("", _MISSING)
        entries.append(
            Entry(
                name,
                texts.setdefault(label, label),
                texts.setdefault(group, group),
                texts.setdefault(part, part),
                mask_name,
                size,
                time,
                mask_size,
                mask_time,
            )
        )
    return entries


def _finder(folder: Path) -> Callable[[str], tuple[str, tuple[int, int]]]:
    """Return a function from a path in a table to the file's name in a catalog and its status."""
    start = os.path.join(folder, "")  # noqa: PTH118  called for every file

    def status(file: str) -> tuple[int, int]:
        try:
            found = os.stat(file if is_absolute(file) else start + file)  # noqa: PTH116
        except (OSError, ValueError):  # a NUL in the name
            return _MISSING
        return found.st_size, found.st_mtime_ns

    def look_up(file: str) -> tuple[str, tuple[int, int]]:
        name = relative_file(folder, file)
        found = status(name)
        if found == _MISSING and "\\" in file:  # which names of files may hold on Linux
            as_it_is = status(file)
            return (name, found) if as_it_is == _MISSING else (file, as_it_is)
        return name, found

    return look_up


def _twice(files: list[str]) -> list[str]:
    if len(set(files)) == len(files):
        return []
    return [file for file, count in Counter(files).items() if count > 1]


def _refuse(lines: Sequence[str], problem: str) -> None:
    if lines:
        raise DataError(f"{problem} ({len(lines):,}):\n{listing(lines)}")
