"""Which image a row of a table means: paths as people write them, and the files of a catalog."""

import os
import posixpath
from collections.abc import Iterable, Sequence
from pathlib import Path

from keras_cxr._support.text.names import unshown
from keras_cxr.data.catalog import listing
from keras_cxr.errors import DataError


def posix_file(file: str) -> str:
    """Returns a path with `/` and without `.`, `..` and empty steps."""
    if "\\" in file:
        file = file.replace("\\", "/")
    if "./" in file or "//" in file or file.endswith(("/", ".")) or not file:
        return posixpath.normpath(file)  # 1 microsecond, which a million rows need not spend
    return file


def is_absolute(file: str) -> bool:
    """Returns whether a path starts at the root, or at a drive where there are any."""
    return file.startswith("/") or (os.name == "nt" and os.path.isabs(file))  # noqa: PTH117


def relative_file(folder: Path, file: str) -> str:
    """Returns a file as catalogs name it: with `/`, relative to the folder where it lies in it."""
    if not is_absolute(file):
        return posix_file(file)
    path = Path(file)
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def places_of(
    files: Iterable[str], known: Sequence[str], *, root: Path, prefix: str = ""
) -> list[int]:
    """Returns for each file that a table names its place among the known ones, -1 for none.

    Args:
        files: As the table has them: with `/` or backslashes, relative to the root or absolute.
        known: As a catalog names them.
        root: The catalog's folder.
        prefix: A folder that the table may put in front of the catalog's paths.
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


def values_at(
    places: Sequence[int], values: Sequence[str], known: Sequence[str], *, what: str
) -> list[str | None]:
    """Returns the value of each known file, None where the table does not name it.

    Args:
        places: Of the table's rows, from `places_of`.
        values: Of the same rows.
        known: The files, as a catalog names them.
        what: The values' name, for the error.

    Raises:
        DataError: Two rows of one file have different values.
    """
    found: list[str | None] = [None] * len(known)
    torn = []
    for place, value in zip(places, values, strict=True):
        if place < 0:
            continue
        if found[place] is not None and found[place] != value:
            torn.append(f"{known[place]}: {found[place]!r} and {value!r}")
        found[place] = value
    if torn:
        raise DataError(
            f"{what} has files with two values ({len(torn):,}). Keep one row of each:\n"
            f"{listing(torn)}"
        )
    return found


def _names(name: str, starts: Sequence[str]) -> Iterable[str]:
    yield name
    for start in starts:
        if start and name.startswith(start):
            yield name.removeprefix(start)
