"""The one walk through folders of images: for training, audits, predictions and heat maps.

What is an image, a known suffix or the first bytes decide. Links are followed. Everything that is
left out is counted by reason.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from keras_cxr._support.disk.files import open_regular
from keras_cxr._support.disk.outputs import is_sign
from keras_cxr._support.text.names import shown
from keras_cxr.data.files.formats import IMAGE_SUFFIXES, kind_of
from keras_cxr.errors import DataError

MASK_FOLDERS = frozenset({"masks", "lesions"})
"""Folders, in any case, whose pictures are drawn over images and are none themselves."""

IMAGE_FOLDER = "images"

_OF_THE_SYSTEM = frozenset(
    {
        "$recycle.bin", "__macosx", "@eadir", "desktop.ini", "dicomdir", "ehthumbs.db",
        "lost+found", "system volume information", "thumbs.db",
    }
)  # fmt: skip

# never opened: no picture is called so, and a text may begin as one does ("BMI" is not a BMP)
_OTHER_SUFFIXES = frozenset(
    {
        ".crdownload", ".csv", ".doc", ".docx", ".gz", ".h5", ".htm", ".html", ".ini", ".json",
        ".keras", ".log", ".md", ".npy", ".npz", ".part", ".pdf", ".py", ".tmp", ".tsv", ".txt",
        ".xls", ".xlsx", ".xml", ".yaml", ".yml", ".zip",
    }
)  # fmt: skip

_OWN_FILES = ("phantoms.json",)
"""Files that belong to a known layout, so that they are worth no note."""

WORKBOOK = ".metadata.xlsx"
"""The Kaggle database's tables, which lie beside its classes."""

HIDDEN = "hidden or system file(s) or folder(s)"
OTHER = "file(s) that are no image"
SPECIAL = "pipe(s), socket(s) or device(s)"
DENIED = "file(s) or folder(s) that cannot be opened"
CIRCLES = "link(s) to a folder that they lie in"

_HEAD = 4096  # bytes that tell what a file is
_MAX_DEPTH = 100  # of folders; Python's own limit of nested calls is ten times as far
RESULTS = "folder(s) of results that were written here"
TOO_DEEP = f"folder(s) more than {_MAX_DEPTH} deep"


class Found(NamedTuple):
    """A file by its name, with its size and the time of its last change in nanoseconds.

    A link that leads nowhere has size and time -1.
    """

    name: str
    size: int
    time: int


@dataclass
class Folder:
    """What lies in a folder.

    Attributes:
        name: of the folder.
        files: images directly in it, by name.
        folders: folders in it that are neither hidden nor the system's, by name.
        left_out: how many entries are not read, by reason; those of inner folders are theirs.
        others: how many of them are no images, by suffix.
        is_result: whether `explain`, `evaluate` or `train` wrote it: its pictures are no X-rays.
    """

    name: str
    files: list[Found] = field(default_factory=list)
    folders: list["Folder"] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    is_result: bool = False

    def named(self, name: str) -> list["Folder"]:
        """Return the inner folders of a name, in any case."""
        return [one for one in self.folders if one.name.lower() == name]

    def images(
        self, *, skip: frozenset[str] = MASK_FOLDERS, prefix: str = ""
    ) -> Iterator[tuple[str, Found]]:
        """Yield each image below with its path relative to this folder, with `/`.

        Args:
            skip: names, in small letters, of folders that are left out.
            prefix: what stands in front of each path.
        """
        for file in self.files:
            yield prefix + file.name, file
        for inner in self.folders:
            if inner.name.lower() not in skip:
                yield from inner.images(skip=skip, prefix=f"{prefix}{inner.name}/")

    def count(self) -> int:
        """Return how many images lie here and below, masks not counted."""
        inner = (one for one in self.folders if one.name.lower() not in MASK_FOLDERS)
        return len(self.files) + sum(one.count() for one in inner)

    def everything(self) -> Iterator["Folder"]:
        """Yield the folder and all below."""
        yield self
        for inner in self.folders:
            yield from inner.everything()


def read_folder(path: str | os.PathLike[str]) -> Folder:
    """Return what lies in a folder and below.

    Raises:
        DataError: The folder itself cannot be listed.
    """
    try:
        status = Path(path).stat()
        found = _read(os.fspath(path), Path(path).name, ((status.st_dev, status.st_ino),))
    except OSError as error:
        raise DataError(
            f"The folder {path} cannot be listed ({error.strerror or error}). Change its "
            "permissions, or pass another one."
        ) from error
    return found


def _read(path: str, name: str, above: tuple[tuple[int, int], ...]) -> Folder:
    folder = Folder(name)
    with os.scandir(path) as items:
        entries = sorted(items, key=lambda item: item.name)
    for item in entries:
        lower = item.name.lower()
        if lower.startswith(".") or lower in _OF_THE_SYSTEM:
            folder.left_out[HIDDEN] += 1
        elif _is_folder(item):
            _enter(folder, item, above)
        else:
            _take(folder, item)
    return folder


def _is_folder(item: os.DirEntry[str]) -> bool:
    try:
        return item.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _enter(folder: Folder, item: os.DirEntry[str], above: tuple[tuple[int, int], ...]) -> None:
    try:
        status = os.stat(item.path)  # noqa: PTH116  an entry's own lacks the number on Windows
        place = (status.st_dev, status.st_ino)
        if item.is_symlink() and place in above:
            folder.left_out[CIRCLES] += 1
        elif len(above) > _MAX_DEPTH:
            folder.left_out[TOO_DEEP] += 1
        else:
            inner = _read(item.path, item.name, (*above, place))
            if inner.is_result:
                folder.left_out[RESULTS] += 1
            else:
                folder.folders.append(inner)
    except OSError:
        folder.left_out[DENIED] += 1


def _take(folder: Folder, item: os.DirEntry[str]) -> None:
    suffix = suffix_of(item.name)
    if suffix in _OTHER_SUFFIXES:
        kind = WORKBOOK if item.name.endswith(WORKBOOK) else suffix
        folder.others[kind] += item.name not in _OWN_FILES
        folder.is_result = folder.is_result or is_sign(item.path, item.name)
        return
    known = suffix in IMAGE_SUFFIXES
    try:
        status = item.stat()
    except OSError:  # a link that leads nowhere
        if known:
            folder.files.append(Found(item.name, -1, -1))
        else:
            folder.left_out[DENIED] += 1
        return
    if not stat.S_ISREG(status.st_mode):
        folder.left_out[SPECIAL] += 1
    elif known or _begins_as_image(folder, item):
        folder.files.append(Found(item.name, status.st_size, status.st_mtime_ns))


def _begins_as_image(folder: Folder, item: os.DirEntry[str]) -> bool:
    try:
        with open_regular(item.path) as file:
            kind_of(file.read(_HEAD))
    except OSError:
        folder.left_out[DENIED] += 1
        return False
    except DataError:
        folder.others[suffix_of(item.name) or "no suffix"] += 1
        return False
    return True


def suffix_of(name: str) -> str:
    """Return a file name's suffix in small letters, such as ".png"; "" where it has none."""
    stem, _, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if stem else ""


def stem_of(name: str) -> str:
    """Return a file name without the suffix of an image; "scan.0001" stays whole."""
    stem, _, suffix = name.rpartition(".")
    return stem if f".{suffix.lower()}" in IMAGE_SUFFIXES and stem else name


def describe_left_out(folders: Iterable[Folder], *extra: str) -> str:
    """Return in words what was left out of some folders, by reason; "" where nothing was.

    Args:
        folders: each counts for itself alone; pass `folder.everything()` for all below.
        *extra: further reasons with their numbers.
    """
    reasons: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for folder in folders:
        reasons += folder.left_out
        others += folder.others
    told = [f"{count:,} {reason}" for reason, count in sorted(reasons.items())]
    if others:
        kinds = ", ".join(f"{shown(suffix)} {count:,}" for suffix, count in others.most_common(5))
        more = ", ..." if len(others) > 5 else ""
        told.append(f"{others.total():,} {OTHER} ({kinds}{more})")
    told += [text for text in extra if text]
    return f"left out: {'; '.join(told)}" if told else ""
