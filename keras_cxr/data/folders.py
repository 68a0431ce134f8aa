"""Finds images in folders: the Kaggle database, plain class folders, pre-split folders."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from keras_cxr.data.catalog import PART_NAMES, Catalog, Entry, existing_folder, listing
from keras_cxr.data.images import IMAGE_SUFFIXES
from keras_cxr.errors import DataError

NEVER_CLASSES = frozenset({"images", "lesions", "masks", "__macosx"})
"""Folders that belong to a class or a system; they never are classes themselves."""

_OTHER_PICTURES = frozenset({".bmp", ".gif", ".tif", ".tiff", ".webp"})


class _Found(NamedTuple):
    name: str
    stem: str
    size: int
    time: int


_NO_MASK = _Found("", "", -1, -1)


class _Class(NamedTuple):
    name: str
    folder: str
    has_images_folder: bool


def find_in_folder(path: str | os.PathLike[str]) -> Catalog:
    """Returns the catalog of a folder, whose layout is recognised.

    Known layouts: `CLASS/images` with `CLASS/masks` (the Kaggle COVID-19 Radiography Database),
    `CLASS/*.png`, and either below `train`, `val` (also `valid`, `validation`) and `test`. Each
    may lie one folder deeper, as the doubled root of Kaggle's archive does.

    Raises:
        NotFoundError: There is no such folder; similar names are offered.
        DataError: No layout fits, or a class folder holds no image.
    """
    root = existing_folder(path)
    for folder, deeper in ((root, ""), *_only_inner(root)):
        parts = _parts(folder)
        catalog = _pre_split(folder, parts, deeper) if parts else _one_level(folder, deeper)
        if catalog is not None:
            return catalog
    raise DataError(_nothing_found(root))


def _only_inner(root: Path) -> Iterator[tuple[Path, str]]:
    """Yields the one folder inside that has a layout, where the root itself has none."""
    inner = [Path(name.path) for name in _subfolders(root)]
    fitting = [folder for folder in inner if _parts(folder) or _classes(folder)]
    if len(fitting) == 1:
        yield fitting[0], f" in the inner folder {fitting[0].name}"


def _pre_split(root: Path, parts: dict[str, str], deeper: str) -> Catalog | None:
    entries: list[Entry] = []
    notes: list[str] = []
    kaggle = False
    for part, name in sorted(parts.items()):
        classes = _classes(root / name)
        kaggle = kaggle or any(one.has_images_folder for one in classes)
        for one in classes:
            entries += _class_entries(root, f"{name}/{one.folder}", one, notes, part=part)
    if not entries:
        return None
    inside = "CLASS/images" if kaggle else "CLASS"
    layout = f"pre-split folders ({'|'.join(parts.values())}/{inside}){deeper}"
    return _catalog(root, layout, entries, notes)


def _one_level(root: Path, deeper: str) -> Catalog | None:
    classes = _classes(root)
    kaggle = any(one.has_images_folder for one in classes)
    entries: list[Entry] = []
    notes: list[str] = []
    for one in classes:
        found = _class_entries(root, one.folder, one, notes)
        if not found and (not kaggle or one.has_images_folder):
            folder = root / one.folder / ("images" if one.has_images_folder else "")
            mend = "Put images there or delete the folder."
            if _parts(folder) or _classes(folder):
                mend = "It looks like a data set of its own: pass that folder."
            raise DataError(
                f"The class folder {folder} holds no images (.png, .jpg, .jpeg, .dcm). {mend}"
            )
        entries += found
    if not entries:
        return None
    layout = f"Kaggle database (CLASS/images){deeper}" if kaggle else f"class folders{deeper}"
    workbooks = [item.name for item in _items(root) if item.name.endswith(".metadata.xlsx")]
    if workbooks:
        notes.append(f"{len(workbooks)} metadata workbook(s) beside the classes were not read")
    return _catalog(root, layout, entries, notes)


def _catalog(root: Path, layout: str, entries: list[Entry], notes: list[str]) -> Catalog:
    entries.sort()
    return Catalog(root, layout, str(root.resolve()), tuple(entries), tuple(notes))


def _parts(root: Path) -> dict[str, str]:
    """Returns {part: folder name} where the root is pre-split, else nothing."""
    found: dict[str, str] = {}
    for folder in _subfolders(root):
        part = PART_NAMES.get(folder.name.lower())
        if part is None:
            continue
        if part in found:
            raise DataError(
                f"{root} holds both {found[part]} and {folder.name}, which mean the same part. "
                "Keep one of them."
            )
        found[part] = folder.name
    return found if "train" in found and len(found) > 1 else {}


def _classes(root: Path) -> list[_Class]:
    """Returns the class folders of a root; empty where no folder holds an image."""
    classes = []
    filled = False
    for folder in _subfolders(root):
        inner = {item.name for item in _items(folder.path) if item.is_dir()}
        has_images_folder = "images" in inner
        classes.append(_Class(folder.name, folder.name, has_images_folder))
        filled = filled or has_images_folder or _holds_image(folder.path)
    return classes if filled else []


def _items(folder: str | Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as items:
        return list(items)


def _subfolders(root: Path) -> list[os.DirEntry[str]]:
    folders = [
        item
        for item in _items(root)
        if item.is_dir()
        and not item.name.startswith(".")
        and item.name.lower() not in NEVER_CLASSES
    ]
    return sorted(folders, key=lambda item: item.name)


def _holds_image(folder: str) -> bool:
    return any(
        f".{item.name.rpartition('.')[2].lower()}" in IMAGE_SUFFIXES and item.is_file()
        for item in _items(folder)
        if not item.name.startswith(".")
    )


def _class_entries(
    root: Path, folder: str, one: _Class, notes: list[str], *, part: str = ""
) -> list[Entry]:
    images = f"{folder}/images" if one.has_images_folder else folder
    found, others = _scan(root / images)
    masks, _ = _scan(root / folder / "masks")
    by_stem = {mask.stem: mask for mask in masks}
    if others:
        notes.append(f"{others:,} file(s) of unread kinds (.bmp, .tif, ...) in {images}")
    entries = []
    for image in found:
        mask = by_stem.get(image.stem, _NO_MASK)
        path = f"{folder}/masks/{mask.name}" if mask.name else ""
        entries.append(
            Entry(
                f"{images}/{image.name}",
                one.name,
                "",
                part,
                path,
                image.size,
                image.time,
                mask.size,
                mask.time,
            )
        )
    return entries


def _scan(folder: Path) -> tuple[list[_Found], int]:
    found: list[_Found] = []
    others = 0
    if not folder.is_dir():
        return found, others
    for item in _items(folder):
        stem, _, suffix = item.name.rpartition(".")
        suffix = f".{suffix.lower()}"
        if item.name.startswith("."):
            continue
        if suffix not in IMAGE_SUFFIXES:
            others += suffix in _OTHER_PICTURES
            continue
        try:
            status = item.stat()
        except OSError:  # a dangling link
            found.append(_Found(item.name, stem, -1, -1))
            continue
        if stat.S_ISREG(status.st_mode):  # a pipe would block for ever
            found.append(_Found(item.name, stem, status.st_size, status.st_mtime_ns))
    return found, others


def _nothing_found(root: Path) -> str:
    inside = sorted(item.name + ("/" if item.is_dir() else "") for item in root.iterdir())
    if not inside:
        return f"The folder {root} is empty. Expected folders CLASS/*.png or CLASS/images/*.png."
    if _holds_image(str(root)):
        return (
            f"{root} holds images directly, so their class is unknown. "
            "Put them into one folder per class, or name them in a CSV with columns file, label."
        )
    return (
        f"No images found in {root}. Expected CLASS/*.png, CLASS/images/*.png (the Kaggle "
        f"database) or train|val|test/CLASS/*.png; found:\n{listing(inside)}"
    )
