"""Which image a row of a table means: paths as people write them, and the files of a catalog."""

import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import pandas as pd

from keras_cxr._support.text.names import unshown
from keras_cxr.data.catalog import listing
from keras_cxr.data.tables.columns import Columns, lacking, read_columns
from keras_cxr.errors import DataError

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class JoinedTable:
    """A user's table whose rows are joined to images; made by `join_table`.

    Attributes:
        name: what errors call the table
        columns: those of its columns that have a meaning; `file` is always there
        files: the images, as a catalog names them
        root: the folder that `files` are relative to; None for images without one
        prefix: a folder that the table may put in front of `files`
    """

    name: str
    columns: Columns
    files: Sequence[str]
    root: Path | None
    prefix: str = ""

    @cached_property
    def places(self) -> list[int]:
        """The place in `files` of each row's image; -1 for none."""
        root = Path() if self.root is None else self.root
        return places_of(self.columns.cells["file"], self.files, root=root, prefix=self.prefix)

    @property
    def num_missing(self) -> int:
        """How many images no row names."""
        return len(self.files) - len({*self.places} - {-1})

    def check_named(self, images: str = "images") -> None:
        """Raise if the table names no image at all; `images` is what the error calls them.

        Raises:
            DataError: It says what paths the table must use, and what it has.
        """
        if self.num_missing == len(self.files):
            where = "the data folder" if self.root is None else self.root
            raise DataError(
                f"{self.name} names none of the {len(self.files):,} {images}. It must use "
                f"paths relative to {where}, such as {self.files[0]!r}; it has "
                f"{next(iter(self.columns.cells['file']), 'no rows')!r}"
            )

    def conflicts(self, values: Sequence[Value]) -> list[tuple[str, Value, Value]]:
        """Return file, one value and another for each row that contradicts a row of its image.

        Args:
            values: of the table's rows
        """
        last: dict[int, Value] = {}
        torn = []
        for place, value in zip(self.places, values, strict=True):
            if place >= 0 and last.setdefault(place, value) != value:
                torn.append((self.files[place], last[place], value))
            last[place] = value
        return torn

    def of_each(self, values: Sequence[Value], what: str) -> list[Value | None]:
        """Return the value of each image, None where no row names it.

        Args:
            values: of the table's rows
            what: the values' name, for the error

        Raises:
            DataError: Two rows of one image have different values.
        """
        torn = [f"{file}: {one!r} and {other!r}" for file, one, other in self.conflicts(values)]
        if torn:
            raise DataError(
                f"{what} has files with two values ({len(torn):,}). Keep one row of each:\n"
                f"{listing(torn)}"
            )
        of_place = dict(zip(self.places, values, strict=True))
        return [of_place.get(place) for place in range(len(self.files))]


def join_table(
    table: pd.DataFrame,
    files: Sequence[str],
    *,
    name: str,
    root: Path | None,
    meanings: Iterable[str] = (),
    prefix: str = "",
    error: DataError | None = None,
) -> JoinedTable:
    """Return a table's columns with its rows joined to images by their files.

    Args:
        table: any table with the column file
        files: the images, as a catalog names them
        name: what errors and notes call the table
        root: the folder that `files` are relative to; None for images without one
        meanings: keys of `columns.COLUMNS` that the reader uses besides file
        prefix: a folder that the table may put in front of `files`
        error: what is raised where the table lacks the column file, in place of the usual error

    Raises:
        DataError: The table lacks the column file, or two of its columns contradict each other.
    """
    columns = read_columns(table, ("file", *meanings), name=name)
    if "file" not in columns.cells:
        raise error or lacking(name, ("file",), table)
    return JoinedTable(name, columns, files, root, prefix)


def posix_file(file: str) -> str:
    """Return a path with `/` and without `.`, `..` and empty steps."""
    if "\\" in file:
        file = file.replace("\\", "/")
    if "./" in file or "//" in file or file.endswith(("/", ".")) or not file:
        return posixpath.normpath(file)  # 1 microsecond, which a million rows need not spend
    return file


def is_absolute(file: str) -> bool:
    """Return whether a path starts at the root, or at a drive where there are any."""
    return file.startswith("/") or (os.name == "nt" and os.path.isabs(file))  # noqa: PTH117


def relative_file(folder: Path, file: str) -> str:
    """Return a file as catalogs name it: with `/`, relative to the folder where it lies in it."""
    if not is_absolute(file):
        return posix_file(file)
    path = Path(file)
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def places_of(
    files: Iterable[str], known: Sequence[str], *, root: Path, prefix: str = ""
) -> list[int]:
    """Return for each file that a table names its place among the known ones, -1 for none.

    Args:
        files: As the table has them: with `/` or backslashes, relative to the root or absolute.
        known: As a catalog names them.
        root: the catalog's folder.
        prefix: a folder that the table may put in front of the catalog's paths.
    """
    place_of = {file: place for place, file in enumerate(known)}
    starts = (f"{root.as_posix()}/", f"{root.absolute().as_posix()}/", prefix)
    found = []
    for file in files:
        place = place_of.get(file, -1)
        if place < 0 and file:
            place = next(
                (
                    place_of[name]
                    for text in (file, file.replace("\\", "/"), unshown(file))
                    for name in _names(posixpath.normpath(text), starts)
                    if name in place_of
                ),
                -1,
            )
        found.append(place)
    return found


def _names(name: str, starts: Sequence[str]) -> Iterable[str]:
    yield name
    for start in starts:
        if start and name.startswith(start):
            yield name.removeprefix(start)
