"""Finds images in folders: the Kaggle database, plain class folders, pre-split folders."""

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

from keras_cxr._support.text.names import shown
from keras_cxr.data.catalog import PART_NAMES, Catalog, existing_folder, listing
from keras_cxr.data.finding.layout import Layout, add_images, candidates, notes_on, some
from keras_cxr.data.finding.walk import IMAGE_FOLDER, Folder, read_folder
from keras_cxr.errors import DataError

_PREFIX = 3  # letters that `patient-a` and `patient-b` have in common, and more


def find_in_folder(path: str | os.PathLike[str], *, require_classes: bool = True) -> Catalog:
    """Return the catalog of a folder, whose layout is recognised.

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
    notes = tuple(notes_on(top, found))
    return Catalog(folder, found.name + deeper, str(folder.resolve()), entries, notes)


def _find(top: Folder, inner: Path, *, require_classes: bool) -> tuple[Layout | None, Path]:
    """Return the layout of a folder, or of the only one inside that holds images."""
    parts = _parts(top, inner)
    filled = [one for one in candidates(top) if one.count()]
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
            found.loose += top.count() - filled[0].count()
            return found, place
    if len(filled) > 1:
        _check_one_data_set(filled)
        return _one_level(top, filled), inner
    return (None if require_classes else _flat(top)), inner


def _is_filled(folder: Folder) -> bool:
    """Return whether images lie in the folder itself, or in its folder `images`."""
    return bool(folder.files) or any(one.count() for one in folder.named(IMAGE_FOLDER))


def _pre_split(top: Folder, parts: dict[str, Folder], *, require_classes: bool) -> Layout | None:
    found = Layout("")
    classes = {part: [one for one in candidates(folder) if one.count()]
               for part, folder in parts.items()}  # fmt: skip
    every = [one for inner in classes.values() for one in inner]
    if not every:
        if require_classes:
            return None
        for part, folder in sorted(parts.items()):
            add_images(found, folder, prefix=folder.name, label="", part=part)
        found.name = f"images without classes ({'|'.join(one.name for one in parts.values())})"
        return found if found.entries else None
    for part, folder in sorted(parts.items()):
        _note_empty(found, folder, prefix=f"{folder.name}/")
        found.loose += len(folder.files) + sum(one.count() for one in folder.named(IMAGE_FOLDER))
        for one in classes[part]:
            _check_no_data_set(one, every)
            add_images(found, one, prefix=f"{folder.name}/{one.name}", label=one.name, part=part)
    used = list(parts.values())
    found.loose += _beside(top, used)
    kaggle = any(one.named(IMAGE_FOLDER) for one in every)
    inside = "CLASS/images" if kaggle else "CLASS"
    found.name = f"pre-split folders ({'|'.join(one.name for one in used)}/{inside})"
    return found


def _one_level(top: Folder, classes: Sequence[Folder]) -> Layout:
    kaggle = any(one.named(IMAGE_FOLDER) for one in classes)
    found = Layout("Kaggle database (CLASS/images)" if kaggle else "class folders")
    _note_empty(found, top)
    for one in classes:
        _check_no_data_set(one, classes)
        add_images(found, one, prefix=one.name, label=one.name)
    found.loose += _beside(top, classes)
    found.unused += sum(sum(1 for _ in one.images()) for one in top.named("masks"))
    return found


def _flat(top: Folder) -> Layout | None:
    found = Layout("images without classes")
    add_images(found, top, prefix="", label="")
    return found if found.entries else None


def _beside(top: Folder, used: Sequence[Folder]) -> int:
    """Return how many images below a folder lie in none of these."""
    return top.count() - sum(one.count() for one in used)


def _parts(top: Folder, place: Path) -> dict[str, Folder]:
    """Return {part: folder} where a folder is pre-split, else nothing."""
    found: dict[str, Folder] = {}
    for folder in top.folders:
        part = PART_NAMES.get(folder.name.lower())
        if part is None or not folder.count():
            continue
        if part in found:
            raise DataError(
                f"{place / top.name} holds both {found[part].name} and {folder.name}, which mean "
                "the same part. Keep one of them."
            )
        found[part] = folder
    return found if "train" in found and len(found) > 1 else {}


def _check_no_data_set(folder: Folder, classes: Sequence[Folder]) -> None:
    """Refuse a class folder whose own folders are classes or parts."""
    inner = [one for one in candidates(folder) if one.count()]
    names = [one.name for one in inner]
    again = {one.name for one in classes} - {folder.name} & set(names)
    deeper = not _is_filled(folder) and len(names) > 1 and any(_is_filled(one) for one in inner)
    beside = any(_is_filled(one) for one in classes)  # then patients' folders are rare
    alike = any(one.named(IMAGE_FOLDER) for one in inner) or _look_like_classes(names)
    if _parts(folder, Path()) or again or (beside and deeper and alike):
        raise DataError(
            f"The class folder {shown(folder.name)} holds the folders {some(names)}. It looks "
            "like a data set of its own: pass that folder. If these are no classes, name the "
            "files in a CSV with columns file, label."
        )


def _check_one_data_set(folders: Sequence[Folder]) -> None:
    """Refuse data sets that lie beside each other; patients of one number are none."""
    inside = [{one.name for one in candidates(folder)} for folder in folders]
    names = sorted(inside[0])
    if len(names) > 1 and all(one == inside[0] for one in inside) and _look_like_classes(names):
        raise DataError(
            f"Each of {some([one.name for one in folders])} holds the folders {some(names)}: "
            "they look like several data sets. Pass one of them, or name the files in a CSV with "
            "columns file, label."
        )


def _look_like_classes(names: Sequence[str]) -> bool:
    """Return whether folders are not simply counted, as those of patients mostly are."""
    plain = [name.lower().replace("covid-19", "").replace("covid19", "") for name in names]
    counted = all(any(letter.isdigit() for letter in name) for name in plain)
    return not counted and len(os.path.commonprefix(plain)) < _PREFIX  # noqa: RUF071  letters


def _note_empty(found: Layout, folder: Folder, prefix: str = "") -> None:
    found.empty += [prefix + one.name for one in candidates(folder) if not one.count()]


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
