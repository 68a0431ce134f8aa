"""Images and lung masks from single files, pictures and DICOM, as grey uint8.

Rules, the same for every file: 16-bit values are divided by 257 and rounded (65,535 becomes
255), an alpha channel is dropped, colours become grey by 0.299 R + 0.587 G + 0.114 B
(ITU-R BT.601), films are turned as their Exif orientation says, MONOCHROME1 films are inverted.
Pictures are stretched to the asked size, by area averaging along a side that shrinks and
bilinearly along one that grows.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.files import open_regular
from keras_cxr._support.resampling import fit
from keras_cxr.data.files.dicom import read_dicom
from keras_cxr.data.files.formats import DICOM, grey_pixels, kind_of
from keras_cxr.data.files.intensity import Film, check_intensity, levels_used, to_uint8
from keras_cxr.data.files.memory import FILES, MAX_BYTES
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError

COLOR_MODES = {"grayscale": 1, "rgb": 3}


def read_image(
    path: str | os.PathLike[str],
    image_size: tuple[int, int] | None = None,
    color_mode: str = "grayscale",
    *,
    intensity: str = "stored",
) -> NDArray[np.uint8]:
    """Return one image file as an array that a model of this package takes.

    Args:
        path: a picture file such as PNG, JPEG or TIFF, or a DICOM file (which needs
            packages of the extra `dicom`, such as pydicom).
        image_size: (height, width) to fit it to; None keeps its own size.
        color_mode: "grayscale" for one channel, "rgb" for the grey value three times.
        intensity: "stored" shows the range that the file may use, by its bits or its DICOM
            window; "percentiles" from the film's own 0.5th to its 99.5th percentile.

    Returns:
        (height, width, 1 or 3) uint8 in [0, 255].

    Raises:
        NotFoundError: There is no such file.
        DataError: The file is empty, truncated, too large or not an image.
        InvalidArgumentError: `color_mode` or `intensity` is none of these.
    """
    if color_mode not in COLOR_MODES:
        raise InvalidArgumentError(
            f'color_mode must be "grayscale" or "rgb", received {color_mode!r}'
        )
    check_intensity(intensity)
    try:
        image = grey_image(path, intensity)
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {Path(path)}") from error
    except (DataError, OSError) as error:
        raise DataError(f"{Path(path)}: {reason(error)}") from error
    return fitted(image, image_size, color_mode)


def fitted(
    image: NDArray[np.uint8], image_size: tuple[int, int] | None, color_mode: str
) -> NDArray[np.uint8]:
    """Return a grey picture (height, width) as `read_image` does: stretched, with channels."""
    if image_size is not None:
        image = fit(image, image_size)
    return np.repeat(image[..., np.newaxis], COLOR_MODES[color_mode], axis=2)


def grey_image(path: str | os.PathLike[str], intensity: str = "stored") -> NDArray[np.uint8]:
    """Return a file's picture as (height, width) uint8 in its own size.

    Raises:
        DataError: With the bare reason, without the file's name.
        OSError: The file cannot be opened.
    """
    with file_bytes(path) as data:
        return grey_film(data, intensity).image


def grey_film(data: bytes, intensity: str = "stored", *, levels: bool = False) -> Film:
    """Return what the bytes of a file hold.

    Args:
        data: the whole file.
        intensity: As `read_image` takes it.
        levels: whether `Film.levels` is wanted, which takes a moment; else it is 0.

    Raises:
        DataError: With the bare reason, without the file's name.
    """
    kind = kind_of(data)
    if kind == DICOM:
        return read_dicom(data, intensity)
    grey = grey_pixels(data, kind)
    return Film(to_uint8(grey, intensity), levels_used(grey) if levels else 0)


def lung_mask(path: str | os.PathLike[str], image_size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask file as (height, width) bool at `image_size`, whatever its own size.

    A pixel belongs to the mask where it is brighter than half of the mask's brightest pixel,
    so that masks written as 0/255, 0/65535 and 0/1 all count. After averaging over area, half
    of the area decides.

    Raises:
        DataError: With the bare reason: not an image, or nowhere brighter than 0.
        OSError: The file cannot be opened.
    """
    with file_bytes(path) as data:
        kind = kind_of(data)
        if kind == DICOM:
            raise DataError("a mask must be a picture file such as PNG, not DICOM")
        pixels = grey_pixels(data, kind)
    brightest = int(pixels.max())
    if brightest == 0:
        raise DataError("the mask is empty: no pixel is brighter than 0")
    inside = np.where(pixels > brightest / 2, np.uint8(255), np.uint8(0))
    return fit(inside, image_size) >= 128


def reason(error: DataError | OSError) -> str:
    """Return what went wrong with a file in words for a list of bad files."""
    if isinstance(error, DataError):
        return str(error)
    return f"cannot be read ({error.strerror or type(error).__name__})"


@contextmanager
def file_bytes(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """Yield what a file holds, within what all threads together may hold."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise DataError(f"too large: {size:,} bytes, at most {MAX_BYTES:,}")
        with FILES.hold(size):
            yield file.read(MAX_BYTES)
