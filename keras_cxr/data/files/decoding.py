"""Pixels of PNG, JPEG, TIFF, BMP and WebP files, upright and in their own depth."""

from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from keras_cxr.data.files.formats import KINDS
from keras_cxr.data.files.headers import Header, check_whole, read_header
from keras_cxr.data.files.memory import DECODED
from keras_cxr.errors import DataError

# obeys Exif's orientation, which IMREAD_UNCHANGED does not, and drops an alpha channel
_AS_STORED = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
_WORK = 3  # bytes taken for each decoded one: a progressive JPEG's coefficients, colours to grey


def grey_pixels(data: bytes, kind: str) -> NDArray[Any]:
    """Returns (height, width) uint8 or uint16 grey values of a file of a kind.

    Colours become grey by 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), an alpha channel is
    dropped, and the picture is turned as its Exif orientation says.

    Raises:
        DataError: With the bare reason: damaged, truncated, too large, of a kind not read.
    """
    header = read_header(data, kind)
    check_whole(data, kind)
    with DECODED.hold(_WORK * header.num_bytes):
        pixels = _jpeg(data, header) if kind == "jpeg" else _opened(data, kind)
        if kind == "tiff" and pixels.ndim == 3 and pixels.shape[2] == 4 and _see_through(pixels):
            raise DataError("the TIFF is partly transparent: save it without an alpha channel")
        grey = _upright(_to_grey(pixels), header.orientation)
        return np.iinfo(grey.dtype).max - grey if header.negative else grey


def _jpeg(data: bytes, header: Header) -> NDArray[Any]:
    """Returns the pixels of a JPEG of which libjpeg has nothing to complain.

    OpenCV fills what is missing with grey and says nothing; the pixels are the same otherwise.
    """
    colours = {1: "GRAY", 3: "BGR", 4: "CMYK"}.get(header.channels, "BGR")
    try:
        pixels = np.asarray(simplejpeg.decode_jpeg(data, colours, strict=True))
    except ValueError as error:
        raise DataError(f"damaged: {error}") from error
    # inks need colour profiles and a guess at Adobe's inversion: OpenCV's guess, as ever
    return _opened(data, "jpeg", cv2.IMREAD_UNCHANGED) if header.channels == 4 else pixels


def _opened(data: bytes, kind: str, flags: int | None = None) -> NDArray[Any]:
    # of TIFF the alpha channel is wanted, by which libtiff multiplies the colours
    usual = cv2.IMREAD_UNCHANGED if kind == "tiff" else _AS_STORED
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), usual if flags is None else flags)
    except cv2.error as error:
        raise DataError(f"damaged: OpenCV cannot decode it ({error.err})") from error
    if pixels is None:
        raise DataError(f"damaged: the {KINDS[kind]} does not decode")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise DataError(f"pixels of type {pixels.dtype} are not supported, only 8 and 16 bit")
    return np.asarray(pixels)


def _see_through(pixels: NDArray[Any]) -> bool:
    return bool((pixels[..., 3] != np.iinfo(pixels.dtype).max).any())


def _to_grey(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.ndim == 2:
        return pixels
    channels = pixels.shape[2]
    if channels == 1:
        return pixels[..., 0]
    code = cv2.COLOR_BGR2GRAY if channels == 3 else cv2.COLOR_BGRA2GRAY
    return np.asarray(cv2.cvtColor(pixels, code))


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Returns the picture turned as Exif's number says (Exif 3.0, section 4.6.5.1.6)."""
    if orientation == 1:
        return pixels
    if orientation >= 5:
        pixels = pixels.T
    rows, columns = _FLIPS[orientation]
    return np.ascontiguousarray(pixels[::rows, ::columns])


_FLIPS = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 5: (1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}
