"""The pixels of picture files in their own depth, and grey from them."""

from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from keras_cxr.data.files.headers import Header
from keras_cxr.errors import DataError

# obeys Exif's orientation, which IMREAD_UNCHANGED does not, and drops an alpha channel
_AS_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
_FLIPS = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}


def decode(data: bytes, header: Header, flags: int = _AS_STORED) -> NDArray[Any] | None:
    """Return the pixels that OpenCV finds in a file; None where it finds none.

    Args:
        data: the whole file.
        header: what its header says; for the decoders of other formats.
        flags: As `cv2.imdecode` takes them.

    Returns:
        (height, width) or (height, width, channels), uint8 or uint16, colours in the order BGR.

    Raises:
        DataError: They are damaged, or have another type.
    """
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except Exception as error:  # a library may raise nearly anything for a damaged file
        problem = getattr(error, "err", None) or f"{type(error).__name__}: {error}"
        raise DataError(f"damaged: OpenCV cannot decode it ({problem})") from error
    if pixels is not None and pixels.dtype not in (np.uint8, np.uint16):
        raise DataError(f"pixels of type {pixels.dtype} are not supported, only 8 and 16 bit")
    return None if pixels is None else np.asarray(pixels)


def decode_jpeg(data: bytes, header: Header) -> NDArray[Any] | None:
    """Return the pixels of a JPEG of which libjpeg has nothing to complain.

    OpenCV fills what is missing with grey and says nothing; the pixels are the same otherwise.

    Raises:
        DataError: libjpeg complains.
    """
    colours = {1: "GRAY", 3: "BGR", 4: "CMYK"}.get(header.channels, "BGR")
    try:
        pixels = np.asarray(simplejpeg.decode_jpeg(data, colours, strict=True))
    except Exception as error:  # a ValueError, and what else a damaged file leads to
        raise DataError(f"damaged: {error}") from error
    # inks need colour profiles and a guess at Adobe's inversion: OpenCV's guess, as ever
    return decode(data, header, cv2.IMREAD_UNCHANGED) if header.channels == 4 else pixels


def decode_tiff(data: bytes, header: Header) -> NDArray[Any] | None:
    """Return the pixels of a TIFF that is not see-through.

    Raises:
        DataError: It is, and libtiff has multiplied the colours by the alpha channel.
    """
    pixels = decode(data, header, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim == 2 or pixels.shape[2] != 4:
        return pixels
    if (pixels[..., 3] != np.iinfo(pixels.dtype).max).any():
        raise DataError("the TIFF is partly transparent: save it without an alpha channel")
    return pixels


def upright_grey(pixels: NDArray[Any], header: Header) -> NDArray[Any]:
    """Return decoded pixels as (height, width) grey, turned and inverted as the header says.

    Colours become grey by 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), an alpha channel is
    dropped. Turned as Exif 3.0, section 4.6.5.1.6, says.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    elif pixels.ndim == 3:
        colours = cv2.COLOR_BGR2GRAY if pixels.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
        pixels = np.asarray(cv2.cvtColor(pixels, colours))
    if header.orientation >= 5:
        pixels = pixels.T
    if header.orientation > 1:
        rows, columns = _FLIPS[header.orientation]
        pixels = np.ascontiguousarray(pixels[::rows, ::columns])
    return np.iinfo(pixels.dtype).max - pixels if header.negative else pixels
