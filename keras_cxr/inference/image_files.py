"""Image files among the files and folders that a person names."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from keras_cxr.data.catalog import exists, is_folder, near_name
from keras_cxr.data.finding.walk import describe_left_out, read_folder
from keras_cxr.errors import NotFoundError


@dataclass(frozen=True)
class ImageFiles:
    """Image files that were found, and what was left out.

    Attributes:
        files: in the order of the given paths, those of a folder sorted.
        notes: for each folder in which something was left out, how much of what.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def list_image_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Image files among files and folders, as `find_image_files` finds them.

    Raises:
        NotFoundError: a path does not exist or a folder holds no image.
        DataError: (a ValueError) a folder cannot be listed.
    """
    return list(find_image_files(paths).files)


def find_image_files(
    paths: Iterable[str | os.PathLike[str]], *, keep_missing: bool = False
) -> ImageFiles:
    """Image files among files and folders: files as they are, folders searched as in training.

    Links are followed; what is hidden or the system's, and what lies in folders named "masks" or
    "lesions", is left out and counted.

    Args:
        paths: files and folders.
        keep_missing: keep paths that do not exist, so that whoever reads them says so.

    Raises:
        NotFoundError: a path does not exist or a folder holds no image.
        DataError: (a ValueError) a folder cannot be listed.
    """
    found: list[Path] = []
    notes: list[str] = []
    for path in map(Path, paths):
        if is_folder(path):
            folder = read_folder(path)
            inside = sorted(path / file for file, _ in folder.images())
            masks = sum(1 for _ in folder.images(skip=frozenset())) - len(inside)
            drawn = f"{masks:,} picture(s) in folders masks or lesions" if masks else ""
            note = describe_left_out(folder.everything(), drawn)
            if not inside:
                raise NotFoundError(
                    f"The folder {path} holds no PNG, JPEG, DICOM or other image file that is read"
                    f"{f' ({note})' if note else ''}."
                )
            found += inside
            notes += [f"{path}: {note}"] if note else []
        elif keep_missing or exists(path):
            found.append(path)
        else:
            raise NotFoundError(f"There is no file or folder {path}{near_name(path)}")
    return ImageFiles(tuple(found), tuple(notes))
