"""What a data set consists of: its files with class, part, group and mask, before any is read."""

import difflib
import gc
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from keras_cxr.errors import DataError, NotFoundError

PARTS = ("train", "val", "test")
PART_NAMES = {
    "test": "test",
    "testing": "test",
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
}
LISTED = 20
"""How many files an error or the summary names before it says "and N more"."""


class Entry(NamedTuple):
    """One image: where it lies and what is known of it. Times are nanoseconds.

    `file` and `mask` are posix paths relative to the catalog's root (absolute where they lie
    outside it); `group`, `part` and `mask` are "" where there is none. A size of -1 means that
    the file could not even be looked up.
    """

    file: str
    label: str
    group: str = ""
    part: str = ""
    mask: str = ""
    size: int = -1
    time: int = -1
    mask_size: int = -1
    mask_time: int = -1


@dataclass(frozen=True)
class Catalog:
    """All images of a data set in the order of its table.

    Attributes:
        root: the folder that `file` and `mask` are relative to.
        layout: how the files were found, in words.
        source: what names the data set's cache: the folder or table it was found by.
        entries: one `Entry` per image.
        notes: remarks for the summary.
        names: the classes by index, where they are not simply sorted.
    """

    root: Path
    layout: str
    source: str
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """The classes by index: as given, else sorted."""
        return self.names or tuple(sorted({entry.label for entry in self.entries}))

    def subset(self, rows: Sequence[int]) -> "Catalog":
        """Return the chosen rows with the classes of the whole."""
        entries = tuple(self.entries[row] for row in rows)
        return replace(self, entries=entries, names=self.class_names)

    def path(self, file: str) -> str:
        """Return the path of an entry's `file` or `mask`."""
        return os.path.join(self.root, file)  # noqa: PTH118  called for every file


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep Python's garbage collector from running while many small tuples are made.

    None of them is garbage, but their number makes it search through all of TensorFlow's
    objects: 0.2 s, as much as finding 10,000 files takes.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """Return the path as a folder.

    Raises:
        NotFoundError: It does not exist; names similar ones beside it.
        DataError: It is a file.
    """
    folder = Path(path).expanduser()
    if is_folder(folder):
        return folder
    if exists(folder):
        raise DataError(f"{folder} is a file; expected a folder of images or a .csv file")
    raise NotFoundError(f"There is no folder or file {folder}{near_name(folder)}")


def exists(path: Path) -> bool:
    """Return whether a file or folder exists; one whose name no system takes does not."""
    return os.path.exists(path)  # noqa: PTH110  Path.exists() raises for names that are too long


def is_folder(path: Path) -> bool:
    """Return whether there is such a folder; one whose name no system takes is none."""
    return os.path.isdir(path)  # noqa: PTH112  Path.is_dir() raises for names that are too long


def near_name(path: Path) -> str:
    """Return ". Did you mean ...?" for a path that does not exist, or how far it exists."""
    whole, parent = path, path.parent
    while not is_folder(parent) and parent != parent.parent:
        path, parent = parent, parent.parent
    try:
        names = sorted(entry.name for entry in parent.iterdir())
    except OSError:
        return ""
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(path.name.lower(), by_lower, n=1, cutoff=0.6)
    if near:
        meant = parent / by_lower[near[0]]
        rest = meant / whole.relative_to(path)
        return f". Did you mean {rest if exists(rest) else meant}?"
    place = "The current folder" if parent == Path() else f"{parent} exists, but"
    return f". {place} holds nothing named {path.name}"


def listing(lines: Iterable[str]) -> str:
    """Return the lines indented one below the other, cut after `LISTED` with "and N more"."""
    lines = list(lines)
    shown = [f"  {line}" for line in lines[:LISTED]]
    if len(lines) > LISTED:
        shown.append(f"  ... and {len(lines) - LISTED:,} more")
    return "\n".join(shown)
