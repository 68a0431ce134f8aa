"""What a layout of folders holds: its images with their masks, and what is left out."""

import functools
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keras_cxr._support.text.names import shown
from keras_cxr.data.catalog import Entry
from keras_cxr.data.finding.walk import (
    IMAGE_FOLDER,
    MASK_FOLDERS,
    WORKBOOK,
    Folder,
    Found,
    describe_left_out,
    stem_of,
)

NEVER_CLASSES = MASK_FOLDERS | {IMAGE_FOLDER}
"""Folders, in any case, that belong to a class; they never are classes themselves."""

_NO_MASK = ("", Found("", -1, -1))
_NAMED = 5  # folders that a note names before it says "and N more"


@dataclass
class Layout:
    """A layout with the images that it finds.

    Attributes:
        name: in words.
        inner: where it begins, below the folder that was passed.
        entries: the images.
        loose: how many images lie elsewhere and are left out.
        unused: how many masks belong to none of the images.
        deep: the folder of each image that lies in a folder inside its class folder.
        empty: folders where classes would lie that hold no image.
    """

    name: str
    inner: Path
    entries: list[Entry] = field(default_factory=list)
    loose: int = 0
    unused: int = 0
    deep: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def add_images(found: Layout, folder: Folder, *, prefix: str, label: str, part: str = "") -> None:
    """Add the images of one class with their masks."""
    start = f"{prefix}/" if prefix else ""
    inner = folder.named(IMAGE_FOLDER)
    films = [
        (f"{one.name}/{path}", file)
        for one in inner
        for path, file in one.images()
    ] or list(folder.images())  # fmt: skip
    found.loose += folder.count() - len(films)
    masks: dict[tuple[str, str], tuple[str, Found]] = {}
    for path, file in sorted(_masks(folder)):
        key = _key(path)
        found.unused += key in masks
        masks.setdefault(key, (start + path, file))
    label = shown(label)
    used = set()
    for path, file in films:
        mask, of_mask = masks.get(_key(path), _NO_MASK)
        used.add(mask)
        if label and path.count("/") > bool(inner):
            found.deep.append(posixpath.dirname(start + path))
        found.entries.append(
            Entry(
                start + path,
                label,
                "",
                part,
                mask,
                file.size,
                file.time,
                of_mask.size,
                of_mask.time,
            )
        )
    found.unused += sum(path not in used for path, _ in masks.values())


def _masks(folder: Folder, prefix: str = "") -> Iterator[tuple[str, Found]]:
    for inner in folder.folders:
        place = f"{prefix}{inner.name}/"
        if inner.name.lower() == "masks":
            yield from inner.images(skip=frozenset({"lesions"}), prefix=place)
        elif inner.name.lower() not in MASK_FOLDERS:
            yield from _masks(inner, place)


def _key(path: str) -> tuple[str, str]:
    """Return what an image and its mask share: folders but `images` and `masks`, and the stem."""
    folders, _, name = path.rpartition("/")
    return _common(folders), stem_of(name)


@functools.lru_cache(maxsize=1024)
def _common(folders: str) -> str:
    kept = (one for one in folders.split("/") if one.lower() not in ("masks", IMAGE_FOLDER))
    return "/".join(kept)


def candidates(folder: Folder) -> list[Folder]:
    """Return the inner folders that may be classes."""
    return [one for one in folder.folders if one.name.lower() not in NEVER_CLASSES]


def notes_on(top: Folder, found: Layout) -> Iterator[str]:
    """Yield notes on what a folder holds and the catalog does not."""
    workbooks = sum(one.others.pop(WORKBOOK, 0) for one in top.everything())
    if workbooks:
        yield f"{workbooks:,} metadata workbook(s) beside the classes were not read"
    if found.deep:
        first = shown(min(found.deep))
        yield (
            f"{len(found.deep):,} image(s) lie in folders inside their class folder, such as "
            f"{first}; where these are patients, name them by groups= so that no patient is in "
            "two parts"
        )
    if found.empty:
        yield f"taken for no class, since no image lies inside: {some(found.empty)}"
    loose = f"{found.loose:,} image(s) outside the class folders or their folder images"
    unused = f"{found.unused:,} mask(s) that belong to no image"
    text = describe_left_out(
        top.everything(), loose if found.loose else "", unused if found.unused else ""
    )
    if text:
        yield text


def some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(map(shown, names[:_NAMED])) + more
