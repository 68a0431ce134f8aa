"""Finds images in folders: the Kaggle database, plain class folders, pre-split folders."""

import os
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keras_cxr._names import shown
from keras_cxr.data.catalog import PART_NAMES, Catalog, Entry, existing_folder, listing
from keras_cxr.data.walk import (
    IMAGE_FOLDER,
    MASK_FOLDERS,
    WORKBOOK,
    Folder,
    Found,
    describe_left_out,
    read_folder,
    stem_of,
)
from keras_cxr.errors import DataError

NEVER_CLASSES = MASK_FOLDERS | {IMAGE_FOLDER}
"""Folders, in any case, that belong to a class; they never are classes themselves."""

_NO_MASK = ("", Found("", -1, -1))
_NAMED = 5  # folders that a note names before it says "and N more"


def find_in_folder(path: str | os.PathLike[str], *, require_classes: bool = True) -> Catalog:
    """Returns the catalog of a folder, whose layout is recognised.

    Known layouts: `CLASS/images` with `CLASS/masks` (the Kaggle COVID-19 Radiography Database),
    `CLASS/*.png`, and either below `train`, `val` (also `valid`, `validation`) and `test`. Each
    may lie in folders of its own, as the doubled root of Kaggle's archive does. Images in deeper
    folders, such as `CLASS/patient/film.png`, belong to their class. What is left out, notes
    count.

    Args:
        path: The folder.
        require_classes: Whether images that lie in no class folder are refused; else they make
            a catalog whose labels are "".

    Raises:
        NotFoundError: There is no such folder; similar names are offered.
        DataError: No layout fits.
    """
    root = existing_folder(path)
    top = read_folder(root)
    found, inner = _find(top, Path(), require_classes=require_classes)
    if found is None or not found.entries:
        raise DataError(_nothing_found(root, top, require_classes=require_classes))
    folder = root / inner
    deeper = "" if inner == Path() else f" in the inner folder {shown(str(inner))}"
    entries = tuple(sorted(found.entries))
    notes = (*found.notes, *_left_out(top, found))
    return Catalog(folder, found.layout + deeper, str(folder.resolve()), entries, notes)


@dataclass
class _Layout:
    """A layout with the images that it finds; `unused` are masks that belong to none of them."""

    layout: str
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    loose: int = 0
    unused: int = 0
    deep: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)


def _find(top: Folder, inner: Path, *, require_classes: bool) -> tuple[_Layout | None, Path]:
    """Returns the layout of a folder, or of the only one inside that holds images."""
    parts = _parts(top, inner)
    filled = [one for one in _candidates(top) if one.holds_images()]
    if parts:
        return _pre_split(top, parts, require_classes=require_classes), inner
    direct = any(_is_filled(one) for one in filled)
    if direct and all(one.name.lower() in PART_NAMES for one in filled):
        return (None if require_classes else _flat(top)), inner
    if direct and (len(filled) > 1 or not top.files):
        return _one_level(top, filled), inner
    if len(filled) == 1:
        found, place = _find(filled[0], inner / filled[0].name, require_classes=require_classes)
        if found and (not top.files or len({one.label for one in found.entries}) > 1):
            found.loose += _count(top) - _count(filled[0])
            return found, place
    if len(filled) > 1:
        _check_one_data_set(filled)
        return _one_level(top, filled), inner
    return (None if require_classes else _flat(top)), inner


def _candidates(folder: Folder) -> list[Folder]:
    return [one for one in folder.folders if one.name.lower() not in NEVER_CLASSES]


def _is_filled(folder: Folder) -> bool:
    """Whether images lie in the folder itself, or in its folder `images`."""
    return bool(folder.files) or any(one.holds_images() for one in folder.named(IMAGE_FOLDER))


def _count(folder: Folder) -> int:
    return sum(1 for _ in folder.images())


def _pre_split(top: Folder, parts: dict[str, Folder], *, require_classes: bool) -> _Layout | None:
    found = _Layout("")
    classes = {part: [one for one in _candidates(folder) if one.holds_images()]
               for part, folder in parts.items()}  # fmt: skip
    names = {one.name for inner in classes.values() for one in inner}
    if not names:
        if require_classes:
            return None
        for part, folder in sorted(parts.items()):
            _add(found, folder, prefix=folder.name, label="", part=part)
        found.layout = f"images without classes ({'|'.join(one.name for one in parts.values())})"
        return found if found.entries else None
    for part, folder in sorted(parts.items()):
        _note_empty(found, folder, prefix=f"{folder.name}/")
        found.loose += len(folder.files) + sum(_count(one) for one in folder.named(IMAGE_FOLDER))
        for one in classes[part]:
            _check_no_data_set(one, names)
            _add(found, one, prefix=f"{folder.name}/{one.name}", label=one.name, part=part)
    used = list(parts.values())
    found.loose += _beside(top, used)
    kaggle = any(one.named(IMAGE_FOLDER) for inner in classes.values() for one in inner)
    inside = "CLASS/images" if kaggle else "CLASS"
    found.layout = f"pre-split folders ({'|'.join(one.name for one in used)}/{inside})"
    return found


def _one_level(top: Folder, classes: Sequence[Folder]) -> _Layout:
    kaggle = any(one.named(IMAGE_FOLDER) for one in classes)
    found = _Layout("Kaggle database (CLASS/images)" if kaggle else "class folders")
    names = {one.name for one in classes}
    _note_empty(found, top)
    for one in classes:
        _check_no_data_set(one, names)
        _add(found, one, prefix=one.name, label=one.name)
    found.loose += _beside(top, classes)
    found.unused += sum(sum(1 for _ in one.images()) for one in top.named("masks"))
    return found


def _flat(top: Folder) -> _Layout | None:
    found = _Layout("images without classes")
    _add(found, top, prefix="", label="")
    return found if found.entries else None


def _beside(top: Folder, used: Sequence[Folder]) -> int:
    """Returns how many images below a folder lie in none of these."""
    return _count(top) - sum(_count(one) for one in used)


def _add(found: _Layout, folder: Folder, *, prefix: str, label: str, part: str = "") -> None:
    """Adds the images of one class with their masks."""
    start = f"{prefix}/" if prefix else ""
    inner = folder.named(IMAGE_FOLDER)
    films = [
        (f"{one.name}/{path}", file)
        for one in inner
        for path, file in one.images()
    ] or list(folder.images())  # fmt: skip
    found.loose += _count(folder) - len(films)
    masks: dict[str, tuple[str, Found]] = {}
    for path, file in sorted(_masks(folder)):
        found.unused += _key(path) in masks
        masks.setdefault(_key(path), (start + path, file))
    used = set()
    for path, file in films:
        mask, of_mask = masks.get(_key(path), _NO_MASK)
        used.add(mask)
        if label and "/" in (path.partition("/")[2] if inner else path):
            found.deep.append(posixpath.dirname(start + path))
        found.entries.append(
            Entry(
                start + path,
                shown(label),
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


def _key(path: str) -> str:
    """Returns what an image and its mask share: the path without `images`, `masks` and suffix."""
    *folders, name = path.split("/")
    kept = [one for one in folders if one.lower() not in ("masks", IMAGE_FOLDER)]
    return "/".join([*kept, stem_of(name)])


def _parts(top: Folder, place: Path) -> dict[str, Folder]:
    """Returns {part: folder} where a folder is pre-split, else nothing."""
    found: dict[str, Folder] = {}
    for folder in top.folders:
        part = PART_NAMES.get(folder.name.lower())
        if part is None or not folder.holds_images():
            continue
        if part in found:
            raise DataError(
                f"{place / top.name} holds both {found[part].name} and {folder.name}, which mean "
                "the same part. Keep one of them."
            )
        found[part] = folder
    return found if "train" in found and len(found) > 1 else {}


def _check_no_data_set(folder: Folder, classes: set[str]) -> None:
    """Refuses a class folder whose own folders are classes or parts."""
    inner = [one for one in _candidates(folder) if one.holds_images()]
    names = [one.name for one in inner]
    again = bool(classes - {folder.name} & set(names))
    filled = any(one.named(IMAGE_FOLDER) for one in inner)
    lonely = not _is_filled(folder) and len(names) > 1 and any(_is_filled(one) for one in inner)
    if _parts(folder, Path()) or again or (lonely and (filled or _look_like_classes(names))):
        raise DataError(
            f"The class folder {shown(folder.name)} holds the folders {_some(names)}. It looks "
            "like a data set of its own: pass that folder. If these are no classes, name the "
            "files in a CSV with columns file, label."
        )


def _check_one_data_set(folders: Sequence[Folder]) -> None:
    """Refuses data sets that lie beside each other; patients of one number are none."""
    inside = [{one.name for one in _candidates(folder)} for folder in folders]
    names = sorted(inside[0])
    if len(names) > 1 and all(one == inside[0] for one in inside) and _look_like_classes(names):
        raise DataError(
            f"Each of {_some([one.name for one in folders])} holds the folders {_some(names)}: "
            "they look like several data sets. Pass one of them, or name the files in a CSV with "
            "columns file, label."
        )


def _look_like_classes(names: Sequence[str]) -> bool:
    """Whether folders are not simply numbered, as those of patients mostly are."""
    plain = [name.lower().replace("covid-19", "").replace("covid19", "") for name in names]
    return not all(any(letter.isdigit() for letter in name) for name in plain)


def _note_empty(found: _Layout, folder: Folder, prefix: str = "") -> None:
    found.empty += [prefix + one.name for one in _candidates(folder) if not one.holds_images()]


def _left_out(top: Folder, found: _Layout) -> Iterator[str]:
    """Yields notes on what a folder holds and the catalog does not."""
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
        yield f"taken for no class, since no image lies inside: {_some(found.empty)}"
    loose = f"{found.loose:,} image(s) outside the class folders or their folder images"
    unused = f"{found.unused:,} mask(s) that belong to no image"
    text = describe_left_out(
        top.everything(), loose if found.loose else "", unused if found.unused else ""
    )
    if text:
        yield text


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(map(shown, names[:_NAMED])) + more


def _nothing_found(root: Path, top: Folder, *, require_classes: bool) -> str:
    inside = sorted(item.name + ("/" if item.is_dir() else "") for item in root.iterdir())
    if not inside:
        return f"The folder {root} is empty. Expected folders CLASS/*.png or CLASS/images/*.png."
    if not require_classes:
        return f"No images found in {root} and the folders inside; it holds:\n{_lines(inside)}"
    first = next((path for path, _ in top.images()), None)
    if first is not None:
        return (
            f"{root / posixpath.dirname(first)} holds images directly, so their class is unknown. "
            "Put them into one folder per class, or name them in a CSV with columns file, label. "
            "An audit takes them as they are."
        )
    return (
        f"No images found in {root}. Expected CLASS/*.png, CLASS/images/*.png (the Kaggle "
        f"database) or train|val|test/CLASS/*.png; found:\n{_lines(inside)}"
    )


def _lines(names: Sequence[str]) -> str:
    return listing(map(shown, names))
