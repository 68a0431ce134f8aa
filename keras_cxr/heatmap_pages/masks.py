"""Masks of lungs and lesions that lie beside images, as in the Kaggle database and in phantoms."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.resampling import fit
from keras_cxr.data.files.images import read_image
from keras_cxr.data.finding.walk import IMAGE_FOLDER, stem_of
from keras_cxr.errors import DataError

# CLASS/images/NAME.png has its masks at CLASS/masks/NAME.png and CLASS/lesions/NAME.png
FOLDERS = {"lungs": "masks", "lesions": "lesions"}


def read_mask(path: Path, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask file as (height, width) bool; nowhere true where the file is black (no lesion).

    A pixel counts where it is brighter than half of the brightest, so that masks of 0 and 1
    count too; then half of the area decides.

    Raises:
        NotFoundError: (a FileNotFoundError) there is no such file.
        DataError: (a ValueError) it is damaged or no image.
    """
    pixels = read_image(path)[..., 0]
    inside = np.where(pixels > pixels.max() / 2, np.uint8(255), np.uint8(0))
    return np.asarray(fit(inside, size) >= 128)


def find_masks(
    images: Sequence[Path], size: tuple[int, int]
) -> tuple[dict[str, NDArray[np.bool_]], list[str]]:
    """Return the masks beside image files, by name, and in words why others are not used.

    Args:
        images: image files, at least one.
        size: height and width of the masks.

    Returns:
        `{"lungs": (images, height, width) bool, "lesions": …}`, each only where every image has
        one; and a sentence for each that is missing.
    """
    found, notes = {}, []
    for name, folder in FOLDERS.items():
        files = [_beside(image, folder) for image in images]
        count = sum(file.is_file() for file in files)
        if count < len(files):
            has = f"only {count} have one" if count else "none has one"
            notes.append(f"No masks of {name} are used: of {len(files)} images {has}.")
            continue
        try:
            found[name] = np.stack([read_mask(file, size) for file in files])
        except DataError as error:
            notes.append(f"No masks of {name} are used: {error}.")
    return found, notes


def _beside(image: Path, folder: str) -> Path:
    """Return where training finds the mask of `CLASS/images/NAME.png`; no file where none is."""
    place = image.absolute().parent
    if place.name.lower() == IMAGE_FOLDER:
        for inner in place.parent.iterdir():
            if inner.name.lower() == folder and inner.is_dir():
                same = (one for one in inner.iterdir() if stem_of(one.name) == stem_of(image.name))
                return next(same, inner / f"{image.stem}.png")
    return place / "no-such-layout" / image.name
