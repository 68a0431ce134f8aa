"""What a person gives to a classifier, as a list of single pictures, and how each is read."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.threads import in_threads
from keras_cxr.data.catalog import is_folder
from keras_cxr.data.files.images import fitted, read_image
from keras_cxr.data.files.in_memory import checked_images, grey_in_memory, is_picture
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError
from keras_cxr.inference.image_files import find_image_files

BATCH_SIZE = 32

_TAKEN = (
    "a path, the bytes of an image file, an open file, a PIL image, a pydicom data set, an array "
    "with values in [0, 255], or a list of these"
)


class Picture(NamedTuple):
    """One picture with its name: the path of its file, or `image 3` by its place.

    `content` is a path, or what `grey_in_memory` takes.
    """

    name: str
    content: Any


def list_pictures(given: Any, notes: list[str]) -> Iterator[Picture]:
    """Yield the pictures in what a person gives; folders are searched as in training.

    Args:
        given: one of what `Classifier` takes, or any iterable of these, which may be endless.
        notes: gets a note for each folder in which something was left out.

    Raises:
        NotFoundError: a folder holds no image.
        DataError: (a ValueError) a folder cannot be listed.
        InvalidArgumentError: (a ValueError) something that is no picture, or an array that was
            scaled or holds NaN; its place in a list is named.
    """
    number = count()
    if _is_one(given):
        yield from _pictures(given, number, notes)
        return
    if not isinstance(given, Iterable) or isinstance(given, dict):
        raise InvalidArgumentError(f"images must be {_TAKEN}; received {type(given).__name__}.")
    for place, one in enumerate(given):
        try:
            yield from _pictures(one, number, notes)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"images[{place}]: {error}") from error


@dataclass(frozen=True)
class PictureReader:
    """Reads pictures as a model takes them.

    Attributes:
        image_size: `(height, width)`.
        color_mode: "grayscale" or "rgb".
        intensity: how stored values become grey, as `read_image` takes it.
    """

    image_size: tuple[int, int]
    color_mode: str
    intensity: str

    def read(self, content: Any) -> NDArray[np.uint8]:
        """Return a picture's pixels, `(height, width, channels)` uint8.

        Raises:
            NotFoundError: there is no such file.
            DataError: (a ValueError) it is damaged or no image; of a file, its path is named.
        """
        if isinstance(content, Path):
            return read_image(content, self.image_size, self.color_mode, intensity=self.intensity)
        grey = grey_in_memory(content, self.intensity)
        return fitted(grey, self.image_size, self.color_mode)

    def read_ahead(
        self, pictures: Iterable[Picture]
    ) -> Iterator[list[tuple[Picture, NDArray[np.uint8] | str]]]:
        """Yield up to 32 pictures at a time with their pixels, read while others are worked on.

        In place of the pixels of a picture that cannot be read stands the reason.
        """
        found = in_threads(self._read_or_reason, pictures, chunk=BATCH_SIZE // 4)
        while batch := list(islice(found, BATCH_SIZE)):
            yield batch

    def _read_or_reason(self, picture: Picture) -> tuple[Picture, NDArray[np.uint8] | str]:
        try:
            return picture, self.read(picture.content)
        except (DataError, NotFoundError) as error:
            is_file = isinstance(picture.content, Path)
            return picture, str(error) if is_file else f"{picture.name}: {error}"


def _is_one(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) or hasattr(value, "__array__") or is_picture(value)


def _pictures(value: Any, number: Iterator[int], notes: list[str]) -> Iterator[Picture]:
    if isinstance(value, str | os.PathLike):
        yield from _files(value, notes)
    elif is_picture(value):
        yield Picture(f"image {next(number)}", value)
    elif hasattr(value, "__array__"):
        for image in checked_images(value):
            yield Picture(f"image {next(number)}", image)
    else:
        raise InvalidArgumentError(f"must be {_TAKEN}; received {type(value).__name__}.")


def _files(value: str | os.PathLike[str], notes: list[str]) -> Iterator[Picture]:
    text = os.fspath(value)
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidArgumentError(f"the path {text!r} can be none of a file or folder.")
    path = Path(text)
    if not is_folder(path):
        yield Picture(str(path), path)  # where there is none, reading says so
        return
    found = find_image_files([path])
    notes += found.notes
    for file in found.files:
        yield Picture(str(file), file)
