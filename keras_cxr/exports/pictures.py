"""The pictures that an export is calibrated on and asked about: drawn ones, or a folder's."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.files.images import read_image
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.exports.serving import Source
from keras_cxr.inference.image_files import find_image_files
from keras_cxr.phantoms.fitted import draw_pictures

NUM_CALIBRATED = 40
"""Phantoms whose values set the ranges of int8; more of them changed nothing in docs/deploy.md."""

MOST_FILES = 200  # of a folder: as many as the converter's authors advise to calibrate on
LEAST_FILES = 8
_APART = 1000  # so that no phantom is both calibrated on and asked about


@dataclass(frozen=True, eq=False)
class ParityPictures:
    """What an export is held against Keras on.

    Attributes:
        asked: `(pictures, height, width, channels)` uint8: both answer for these.
        calibrating: others of the same form, which set the ranges of whole numbers; empty where
            the format has none.
        called: what they are, for `export.json`.
        notes: what is worth knowing of them.
    """

    asked: NDArray[np.uint8]
    calibrating: NDArray[np.uint8]
    called: str = "phantoms"
    notes: tuple[str, ...] = ()


def choose_pictures(
    source: Source, *, quantizes: bool, folder: str | os.PathLike[str] | None
) -> ParityPictures:
    """Return the pictures for an export.

    Args:
        source: what is exported.
        quantizes: whether the format has to be calibrated.
        folder: of films; None draws phantoms.

    Raises:
        NotFoundError: (a FileNotFoundError) there is no such folder, or no image in it.
        DataError: (a ValueError) too few of its images can be read.
        InvalidArgumentError: (a ValueError) there are too few.
    """
    channels = source.model.input_shape[-1]
    if folder is not None:
        return _of_folder(source, Path(folder))
    if not quantizes:
        asked = draw_pictures(source.image_size, channels)
        return ParityPictures(asked, asked[:0])
    note = (
        f"Its ranges were calibrated on {NUM_CALIBRATED} drawn phantoms: with films of your own "
        "(calibrate_on=) they fit those that it will see."
    )
    return ParityPictures(
        draw_pictures(source.image_size, channels, count=NUM_CALIBRATED),
        draw_pictures(source.image_size, channels, count=NUM_CALIBRATED, first=_APART),
        notes=(note,),
    )


def _of_folder(source: Source, folder: Path) -> ParityPictures:
    """Return up to 200 films from all over a folder: every second one to calibrate on."""
    found = find_image_files([folder])
    if len(found.files) < LEAST_FILES:
        raise InvalidArgumentError(
            f"calibrate_on={os.fspath(folder)!r} holds {len(found.files)} image(s): at least "
            f"{LEAST_FILES} are needed, half of them to calibrate on and half to be asked about."
        )
    places = np.linspace(0, len(found.files) - 1, min(MOST_FILES, len(found.files))).astype(int)
    chosen = [found.files[place] for place in places]
    read, failed = [], []
    for file in chosen:
        try:
            image = read_image(
                file, source.image_size, source.color_mode, intensity=source.intensity
            )
            read.append(image)
        except DataError as error:
            failed.append(str(error))
    if len(read) < LEAST_FILES:
        raise DataError(
            f"Of the {len(chosen)} images in calibrate_on={os.fspath(folder)!r} that were tried "
            f"{len(read)} can be read, and {LEAST_FILES} are needed. The first error: {failed[0]}"
        )
    pixels = np.stack(read)
    notes = [
        f"Its ranges were calibrated on {len(pixels[::2])} of the {len(found.files)} films given, "
        f"and {len(pixels[1::2])} others were asked about."
    ]
    if failed:
        notes.append(f"{len(failed)} films could not be read, the first: {failed[0]}")
    return ParityPictures(pixels[1::2], pixels[::2], "films of one's own", (*notes, *found.notes))
