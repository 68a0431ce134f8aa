"""Which picture files are read, as a table, and what all formats have in common.

What a file is, its first bytes decide, not its name. A new format is a row here: what it is
called, how it begins, what its header says (`headers.py`), and, where OpenCV does not do that
rightly, whether it is whole and what its pixels are (`decoding.py`). DICOM is none of these
pictures: its tags decide on the grey values (`dicom.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from keras_cxr.data.files import headers
from keras_cxr.data.files.decoding import decode, decode_jpeg, decode_tiff, upright_grey
from keras_cxr.data.files.dicom import is_dicom
from keras_cxr.data.files.headers import Header
from keras_cxr.data.files.memory import DECODED, check_size
from keras_cxr.errors import DataError

_WORK = 3  # bytes taken for each decoded one: a progressive JPEG's coefficients, colours to grey


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(signatures)


def _no_check(data: bytes) -> None:
    """Do nothing: the decoder itself refuses what is cut off."""


@dataclass(frozen=True)
class Format:
    """How one kind of picture file is read.

    Attributes:
        name: As people write it.
        suffixes: names by which folders are searched; a file under another name may be one too.
        begins: whether a file's first bytes are of this kind.
        header: returns what a file's header says; it raises a `DataError` for what is damaged, cut
            off or not read, and for nothing else.
        check_whole: raises a `DataError` for damage that the decoder would not see.
        decode: returns a file's pixels as `decoding.decode` does.
    """

    name: str
    suffixes: tuple[str, ...]
    begins: Callable[[bytes], bool]
    header: Callable[[bytes], Header]
    check_whole: Callable[[bytes], None] = _no_check
    decode: Callable[[bytes, Header], NDArray[Any] | None] = decode


PICTURE_FORMATS = {
    "png": Format(
        "PNG",
        (".png",),
        _starts(headers.PNG_SIGNATURE),
        headers.png_header,
        check_whole=headers.check_png,
    ),
    "jpeg": Format(
        "JPEG",
        (".jpg", ".jpeg"),
        _starts(b"\xff\xd8\xff"),
        headers.jpeg_header,
        decode=decode_jpeg,
    ),
    "tiff": Format(
        "TIFF",
        (".tif", ".tiff"),
        _starts(*headers.TIFF_SIGNATURES, *headers.BIG_TIFF_SIGNATURES),
        headers.tiff_header,
        decode=decode_tiff,
    ),
    "bmp": Format("BMP", (".bmp",), headers.is_bmp, headers.bmp_header),
    "webp": Format("WebP", (".webp",), headers.is_webp, headers.webp_header),
}
DICOM = "dicom"

IMAGE_SUFFIXES = frozenset(
    {".dcm", ".dicom", *(suffix for one in PICTURE_FORMATS.values() for suffix in one.suffixes)}
)
"""Names by which folders are searched; a file under another name may be one all the same."""


def kind_of(data: bytes) -> str:
    """Return a key of `PICTURE_FORMATS` or `DICOM` by the first bytes, whatever the file is called.

    Raises:
        DataError: The file is empty or none of them.
    """
    if not data:
        raise DataError("the file is empty (0 bytes)")
    if is_dicom(data):  # first: many films carry a TIFF header for old viewers in the preamble
        return DICOM
    for kind, one in PICTURE_FORMATS.items():
        if one.begins(data):
            return kind
    listed = ", ".join(one.name for one in PICTURE_FORMATS.values())
    raise DataError(f"not a {listed} or DICOM image (it begins with {data[:12]!r})")


def read_header(data: bytes, kind: str) -> Header:
    """Return what the header of a picture file says; `kind` is a key of `PICTURE_FORMATS`.

    Raises:
        DataError: It is damaged, or says what cannot be read: too large, several pages.
    """
    header = PICTURE_FORMATS[kind].header(data)
    check_size(header.width, header.height)
    check_size(header.width, header.height, header.channels * (2 if header.bit_depth > 8 else 1))
    return header


def grey_pixels(data: bytes, kind: str) -> NDArray[Any]:
    """Return (height, width) uint8 or uint16 grey values of a picture file, upright.

    Raises:
        DataError: With the bare reason: damaged, truncated, too large, of a kind not read.
    """
    one, header = PICTURE_FORMATS[kind], read_header(data, kind)
    one.check_whole(data)
    with DECODED.hold(_WORK * header.num_bytes):
        pixels = one.decode(data, header)
        if pixels is None:
            raise DataError(f"damaged: the {one.name} does not decode")
        return upright_grey(pixels, header)
