"""Which layout a folder has: the Kaggle database, class folders, pre-split folders.

A new layout is a function and its place in `LAYOUTS`.
"""

import os
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_cxr._support.text.names import shown
from keras_cxr.data.catalog import PART_NAMES, Catalog, existing_folder, listing
from keras_cxr.data.finding.layout import Layout, add_images, candidates, notes_on, some
from keras_cxr.data.finding.walk import IMAGE_FOLDER, Folder, read_folder
from keras_cxr.errors import DataError

_PREFIX = 3  # letters that `patient-a` and `patient-b` have in common, and more


@dataclass(frozen=True)
class _Top:
    """A folder that may be a data set, as the functions of `LAYOUTS` look at it.

    Attributes:
        folder: what lies in it.
        inner: its place below the folder that was passed.
        require_classes: whether images that lie in no class folder are refused.
        parts: its folders `train`, `val` and `test` where it is pre-split; else empty.
        filled: the inner folders that may be classes and hold images.
    """

    folder: Folder
    inner: Path
    require_classes: bool
    parts: dict[str, Folder]
    filled: list[Folder]

    @property
    def holds_classes(self) -> bool:
        """Whether images lie directly in one of its folders, or in that one's `images`."""
        return any(_is_filled(one) for one in self.filled)


def find_in_folder(path: str | os.PathLike[str], *, require_classes: bool = True) -> Catalog:
    """Return the catalog of a folder, whose layout is recognised.

    The layouts are those of `LAYOUTS`. Each may lie in folders of its own, as the doubled root of
    Kaggle's archive does. Images in deeper folders, such as `CLASS/patient/film.png`, belong to
    their class. What is left out, notes count.

    Args:
        path: the folder.
        require_classes: whether images that lie in no class folder are refused; else they make
            a catalog whose labels are "".

    Raises:
        NotFoundError: There is no such folder; similar names are offered.
        DataError: No layout fits.
    """
    root = existing_folder(path)
    top = read_folder(root)
    found = _find(top, Path(), require_classes=require_classes)
    if not found.entries:
        raise DataError(_nothing_found(root, top, require_classes=require_classes))
    folder = root / found.inner
    deeper = "" if folder == root else f" in the inner folder {shown(str(found.inner))}"
    entries = tuple(sorted(found.entries))
    notes = tuple(notes_on(top, found))
    return Catalog(folder, found.name + deeper, str(folder.resolve()), entries, notes)


def _find(folder: Folder, inner: Path, *, require_classes: bool) -> Layout:
    """Return the first layout that fits; without entries where it asks for classes in vain."""
    filled = [one for one in candidates(folder) if one.count()]
    top = _Top(folder, inner, require_classes, _parts(folder, inner), filled)
    return next(found for read in LAYOUTS if (found := read(top)) is not None)


def _is_filled(folder: Folder) -> bool:
    """Return whether images lie in the folder itself, or in its folder `images`."""
    return bool(folder.files) or any(one.count() for one in folder.named(IMAGE_FOLDER))


def _pre_split(top: _Top) -> Layout | None:
    """`train`, `val` (also `valid`, `validation`) and `test`, each with classes as below."""
    if not top.parts:
        return None
    found = Layout("", top.inner)
    classes = {
        part: [one for one in candidates(folder) if one.count()]
        for part, folder in top.parts.items()
    }
    every = [one for inner in classes.values() for one in inner]
    parts = sorted(top.parts.items())
    if not every and top.require_classes:
        return found
    if not every:
        for part, folder in parts:
            add_images(found, folder, prefix=folder.name, label="", part=part)
        names = "|".join(one.name for one in top.parts.values())
        found.name = f"images without classes ({names})"
        return found
    for part, folder in parts:
        _note_empty(found, folder, prefix=f"{folder.name}/")
        found.loose += len(folder.files) + sum(one.count() for one in folder.named(IMAGE_FOLDER))
        for one in classes[part]:
            _check_no_data_set(one, every)
            add_images(found, one, prefix=f"{folder.name}/{one.name}", label=one.name, part=part)
    used = list(top.parts.values())
    found.loose += _beside(top.folder, used)
    kaggle = any(one.named(IMAGE_FOLDER) for one in every)
    inside = "CLASS/images" if kaggle else "CLASS"
    found.name = f"pre-split folders ({'|'.join(one.name for one in used)}/{inside})"
    return found


def _some_parts(top: _Top) -> Layout | None:
    """Folders named as parts that are not all there: no classes, whatever lies in them."""
    named = all(one.name.lower() in PART_NAMES for one in top.filled)
    return _without_classes(top) if top.holds_classes and named else None


def _class_folders(top: _Top) -> Layout | None:
    """`CLASS/images` with `CLASS/masks`, or `CLASS/*.png`."""
    several = len(top.filled) > 1 or not top.folder.files
    return _one_level(top) if top.holds_classes and several else None


def _inner_folder(top: _Top) -> Layout | None:
    """Any of these layouts in the only folder that holds images."""
    if len(top.filled) != 1:
        return None
    (inner,) = top.filled
    found = _find(inner, top.inner / inner.name, require_classes=top.require_classes)
    if not found.entries or (top.folder.files and len({one.label for one in found.entries}) < 2):
        return None
    found.loose += top.folder.count() - inner.count()
    return found


def _deep_classes(top: _Top) -> Layout | None:
    """`CLASS/patient/film.png`, with no image nearer to the top."""
    if len(top.filled) < 2:
        return None
    _check_one_data_set(top.filled)
    return _one_level(top)


def _without_classes(top: _Top) -> Layout:
    """Images that lie anywhere, for audits and predictions."""
    found = Layout("images without classes", top.inner)
    if not top.require_classes:
        add_images(found, top.folder, prefix="", label="")
    return found


LAYOUTS: tuple[Callable[[_Top], Layout | None], ...] = (
    _pre_split,
    _some_parts,
    _class_folders,
    _inner_folder,
    _deep_classes,
    _without_classes,
)
"""In the order in which they are tried. Each returns None where it does not fit, and a layout
without entries where it fits but lacks what is asked for; the last one always fits."""


def _one_level(top: _Top) -> Layout:
    kaggle = any(one.named(IMAGE_FOLDER) for one in top.filled)
    name = "Kaggle database (CLASS/images)" if kaggle else "class folders"
    found = Layout(name, top.inner)
    _note_empty(found, top.folder)
    for one in top.filled:
        _check_no_data_set(one, top.filled)
        add_images(found, one, prefix=one.name, label=one.name)
    found.loose += _beside(top.folder, top.filled)
    found.unused += sum(sum(1 for _ in one.images()) for one in top.folder.named("masks"))
    return found


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
