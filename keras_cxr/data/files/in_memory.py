"""Pictures that lie in memory, as the reader of files would show a file of the same pixels.

Arrays are (height, width), or have 1, 3 (red, green, blue) or 4 channels, the last of which is
see-through and dropped. Integers of 16 bits are divided by 257; floats are in [0, 255] and are
rounded, since files hold whole grey values.
"""

import sys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.ranges import check_range
from keras_cxr.data.files.decoding import upright_grey
from keras_cxr.data.files.dicom import show_dataset
from keras_cxr.data.files.headers import Header
from keras_cxr.data.files.images import grey_film
from keras_cxr.data.files.intensity import to_uint8
from keras_cxr.data.files.memory import MAX_BYTES, check_size
from keras_cxr.errors import DataError, InvalidArgumentError

_ORIENTATION = 0x0112  # Exif 3.0, section 4.6.5.1.6
_DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # Pillow's names for grey of 16 bits
_CHANNELS = (1, 3, 4)


def is_picture(value: Any) -> bool:
    """Return whether `grey_in_memory` takes a value that is no array."""
    return (
        isinstance(value, bytes | bytearray | memoryview)
        or _is_a(value, "PIL.Image", "Image")
        or _is_a(value, "pydicom.dataset", "Dataset")
        or callable(getattr(value, "read", None))
    )


def grey_in_memory(picture: Any, intensity: str = "stored") -> NDArray[np.uint8]:
    """Return a picture as (height, width) uint8 in its own size.

    Args:
        picture: the bytes of an image file, a file that is open for reading bytes, a PIL image, a
            pydicom data set, or one of `checked_images`.
        intensity: as `read_image` takes it.

    Raises:
        DataError: with the bare reason: it is damaged, too large, or of a kind that is not read.
    """
    if _is_a(picture, "pydicom.dataset", "Dataset"):
        return show_dataset(picture, intensity).image
    if _is_a(picture, "PIL.Image", "Image"):
        pixels, orientation = _of_pil(picture)
        return _grey(pixels, intensity, orientation)
    if isinstance(picture, np.ndarray):
        return _grey(picture, intensity)
    data = _content(picture) if hasattr(picture, "read") else bytes(picture)
    if len(data) > MAX_BYTES:
        raise DataError(f"too large: more than {MAX_BYTES:,} bytes")
    return grey_film(data, intensity).image


def checked_images(array: Any) -> list[NDArray[Any]]:
    """Return the images of an array, one by one, uint8 or uint16.

    Args:
        array: one image (height, width) or (height, width, channels), or a batch of them. Three
            dimensions are one image where the last is 1, 3 or 4, else a batch of grey images.

    Raises:
        InvalidArgumentError: (a ValueError) it has another form, or values that are no grey values
            in [0, 255], such as NaN and those that were scaled to [0, 1].
    """
    pixels = np.asarray(array)
    single = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[-1] in _CHANNELS)
    batch = pixels[np.newaxis] if single else pixels
    if batch.ndim not in (3, 4) or (batch.ndim == 4 and batch.shape[-1] not in _CHANNELS):
        raise InvalidArgumentError(
            "an array of images must be (height, width), (height, width, channels) or a batch of "
            f"them, with 1, 3 or 4 channels; received shape {pixels.shape}."
        )
    if len(batch) and min(batch.shape[1:3]) < 1:
        raise InvalidArgumentError(f"an array of images has no pixels: shape {pixels.shape}.")
    if batch.dtype not in (np.uint8, np.uint16):
        batch = _whole(batch)
    return list(batch)


def _whole(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return numbers in [0, 255] as uint8."""
    if pixels.dtype.kind not in "iuf" and pixels.dtype.name != "bfloat16":
        raise InvalidArgumentError(
            f"an array of images must hold numbers in [0, 255]; received {pixels.dtype}."
        )
    values = pixels.astype(np.float32) if pixels.dtype.name == "bfloat16" else pixels
    if not values.size:
        return np.zeros(values.shape, np.uint8)
    if not np.isfinite(values).all():
        raise InvalidArgumentError(
            "an array of images holds NaN or infinite pixels; images are values in [0, 255]."
        )
    check_range(values, InvalidArgumentError)
    if values.min() < 0 or values.max() > 255:
        raise InvalidArgumentError(
            f"an array of images must lie in [0, 255]; received values from {values.min()} to "
            f"{values.max()}: scale them to that range, or pass films of 16 bits as uint16."
        )
    return np.rint(values).astype(np.uint8)


def _grey(pixels: NDArray[Any], intensity: str, orientation: int = 1) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    header = Header(width, height, channels, 8 * pixels.itemsize, orientation)
    pixels = np.ascontiguousarray(pixels)
    if channels >= 3:  # the decoders give blue first
        order = cv2.COLOR_RGB2BGR if channels == 3 else cv2.COLOR_RGBA2BGRA
        pixels = np.asarray(cv2.cvtColor(pixels, order))
    return to_uint8(upright_grey(pixels, header), intensity)


def _of_pil(image: Any) -> tuple[NDArray[Any], int]:
    """Return the pixels of a PIL image, and how it is turned as Exif counts."""
    check_size(*image.size)
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
        if image.mode in ("1", "LA", "La"):
            image = image.convert("L")
        elif image.mode not in ("L", "RGB", "RGBA", "F", *_DEEP):
            image = image.convert("RGB")
        pixels = np.asarray(image)
    except Exception as error:  # it decodes only now, and a damaged file may lead to anything
        raise DataError(f"damaged: PIL cannot decode it ({error})") from error
    if image.mode in _DEEP and pixels.min() >= 0 and pixels.max() < 2**16:
        pixels = pixels.astype(np.uint16)
    try:
        (pixels,) = checked_images(pixels)
    except InvalidArgumentError as error:
        raise DataError(str(error)) from error
    return pixels, orientation if orientation in range(1, 9) else 1


def _content(file: Any) -> bytes:
    try:
        data = file.read(MAX_BYTES + 1)
    except Exception as error:  # a file object may be anything, such as a closed one
        raise DataError(f"the file object cannot be read ({error})") from error
    if not isinstance(data, bytes | bytearray):
        raise DataError('the file object gives text, not bytes: open it with mode "rb"')
    return bytes(data)


def _is_a(value: Any, module: str, name: str) -> bool:
    """Return whether a value is of a class of a package that it alone may have imported."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)
