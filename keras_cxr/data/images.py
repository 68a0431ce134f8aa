"""Images and lung masks from single files: PNG, JPEG (8 and 16 bit) and DICOM, as grey uint8.

Rules, the same for every file: 16-bit values are divided by 257 and rounded (65,535 becomes
255), an alpha channel is dropped, colours become grey by 0.299 R + 0.587 G + 0.114 B
(ITU-R BT.601), MONOCHROME1 films are inverted. Pictures are stretched to the asked size, by
area averaging when they shrink and bilinearly when they grow.
"""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr._files import open_regular
from keras_cxr.data.formats import MAX_BYTES, check_jpeg, check_png, kind_of
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom"})
COLOR_MODES = {"grayscale": 1, "rgb": 3}


def read_image(
    path: str | os.PathLike[str],
    image_size: tuple[int, int] | None = None,
    color_mode: str = "grayscale",
) -> NDArray[np.uint8]:
    """Returns one image file as an array that a model of this package takes.

    Args:
        path: A PNG, JPEG or DICOM file (DICOM needs `pip install "keras-cxr[dicom]"`).
        image_size: (height, width) to fit it to; None keeps its own size.
        color_mode: "grayscale" for one channel, "rgb" for the grey value three times.

    Returns:
        (height, width, 1 or 3) uint8 in [0, 255].

    Raises:
        NotFoundError: There is no such file.
        DataError: The file is empty, truncated, too large or not an image.
        InvalidArgumentError: `color_mode` is neither of the two.
    """
    if color_mode not in COLOR_MODES:
        raise InvalidArgumentError(
            f'color_mode must be "grayscale" or "rgb", received {color_mode!r}'
        )
    try:
        image = grey_image(path)
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {Path(path)}") from error
    except (DataError, OSError) as error:
        raise DataError(f"{Path(path)}: {reason(error)}") from error
    if image_size is not None:
        image = fit(image, image_size)
    return np.repeat(image[..., np.newaxis], COLOR_MODES[color_mode], axis=2)


def grey_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Returns a file's picture as (height, width) uint8 in its own size.

    Raises:
        DataError: With the bare reason, without the file's name.
        OSError: The file cannot be opened.
    """
    data = _read_bytes(path)
    kind = kind_of(data)
    if kind == "dicom":
        from keras_cxr.data.dicom import grey_from_dicom

        return grey_from_dicom(data)
    return _to_grey(_to_uint8(_decode(data, kind)))


def lung_mask(path: str | os.PathLike[str], image_size: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns a mask file as (height, width) bool at `image_size`, whatever its own size.

    A pixel belongs to the mask where it is brighter than half of the mask's brightest pixel,
    so that masks written as 0/255, 0/65535 and 0/1 all count. After averaging over area, half
    of the area decides.

    Raises:
        DataError: With the bare reason: not an image, or nowhere brighter than 0.
        OSError: The file cannot be opened.
    """
    data = _read_bytes(path)
    kind = kind_of(data)
    if kind == "dicom":
        raise DataError("a mask must be a PNG or JPEG file")
    pixels = _to_grey(_decode(data, kind))
    brightest = int(pixels.max())
    if brightest == 0:
        raise DataError("the mask is empty: no pixel is brighter than 0")
    inside = np.where(pixels > brightest / 2, np.uint8(255), np.uint8(0))
    return fit(inside, image_size) >= 128


def fit(image: NDArray[Any], image_size: tuple[int, int]) -> NDArray[Any]:
    """Returns (height, width) `image` stretched to `image_size`, in its own dtype."""
    height, width = image_size
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method))


def reason(error: BaseException) -> str:
    """Returns what went wrong in words for a list of bad files."""
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror or type(error).__name__})"
    return f"cannot be decoded ({error})"


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    with open_regular(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DataError(f"too large: more than {MAX_BYTES:,} bytes")
    return data


def _decode(data: bytes, kind: str) -> NDArray[Any]:
    if kind == "png":
        check_png(data)
    else:
        check_jpeg(data)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise DataError(f"damaged: OpenCV cannot decode it ({error.err})") from error
    if pixels is None:
        raise DataError(f"damaged: the {kind.upper()} does not decode")
    return np.asarray(pixels)


def _to_uint8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    raise DataError(f"pixels of type {pixels.dtype} are not supported, only 8 and 16 bit")


def _to_grey(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.ndim == 2:
        return pixels
    channels = pixels.shape[2]
    if channels == 1:
        return pixels[..., 0]
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_BGR2GRAY))
