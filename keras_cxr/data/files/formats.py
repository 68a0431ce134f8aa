"""Which image files are read: their names, first bytes and caps.

What a file is, its first bytes decide. A cap comes before the work: sizes are taken from the
header (`headers.py`), so that a file which would unpack into gigabytes is refused unopened.
"""

from keras_cxr.errors import DataError

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".dcm", ".dicom"}
)
"""Names by which folders are searched; a file under another name may be one all the same."""

KINDS = {
    "png": "PNG",
    "jpeg": "JPEG",
    "tiff": "TIFF",
    "bmp": "BMP",
    "webp": "WebP",
    "dicom": "DICOM",
}
"""What `kind_of` tells apart, and how people write it."""

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded. Chest films reach 25 million pixels (5,000 x 5,000)."""

MAX_DECODED = 256 * 1024 * 1024
"""Most bytes that a picture may take decoded: a film of MAX_PIXELS with 16 bits takes 128 MB, in
8-bit colour 192 MB; only larger films with 16 bits in each of three or four channels do not fit."""

MAX_BYTES = 512 * 1024 * 1024
"""Largest file that is read. A film of MAX_PIXELS with 16 bits takes 128 MB uncompressed."""

DICOM_EXTRA = "pip install pydicom pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
"""What an error names where a package is missing: the file itself may be good."""

NEEDS_PYDICOM = f"DICOM files need pydicom: {DICOM_EXTRA}"

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*")
DICOM_SIGNATURE = b"DICM"
DICOM_PREAMBLE = 128

_BIG_TIFF = (b"II+\x00", b"MM\x00+")
_SIGNATURES = (
    (PNG_SIGNATURE, "png"),
    (b"\xff\xd8\xff", "jpeg"),
    *((start, "tiff") for start in (*TIFF_SIGNATURES, *_BIG_TIFF)),
)
_LARGEST_FIRST_VALUE = 256  # bytes: what DICOM files begin with are numbers, UIDs and short words


def kind_of(data: bytes) -> str:
    """Returns a key of `KINDS` by the first bytes, whatever the file is called.

    Raises:
        DataError: The file is empty or none of them.
    """
    if not data:
        raise DataError("the file is empty (0 bytes)")
    if data[DICOM_PREAMBLE : DICOM_PREAMBLE + 4] == DICOM_SIGNATURE:
        return "dicom"  # first: many films carry a TIFF header for old viewers in the preamble
    for start, kind in _SIGNATURES:
        if data.startswith(start):
            return kind
    if _bare_dicom(data):
        return "dicom"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in (12, 40, 52, 56, 108, 124):
        return "bmp"
    names = list(KINDS.values())
    listed = f"{', '.join(names[:-1])} or {names[-1]}"
    raise DataError(f"not a {listed} image (it begins with {data[:12]!r})")


def _bare_dicom(data: bytes) -> bool:
    """Whether a data set without preamble begins here, as old software and PACS leave it.

    DICOM PS3.5, section 7.1: the first element is one of group 0002 or 0008, little endian, with
    two letters for its kind and its length, or with its length alone.
    """
    if len(data) < 16 or data[:2] not in (b"\x02\x00", b"\x08\x00") or data[3] != 0:
        return False
    if data[4:6].isalpha() and data[4:6].isupper():
        return int.from_bytes(data[6:8], "little") <= _LARGEST_FIRST_VALUE
    return int.from_bytes(data[4:8], "little") <= _LARGEST_FIRST_VALUE


def check_size(width: int, height: int, bytes_per_pixel: int = 1) -> None:
    """Refuses pictures without pixels and those above `MAX_PIXELS` or `MAX_DECODED`.

    Raises:
        DataError: The size is zero or too large.
    """
    if width < 1 or height < 1:
        raise DataError(f"the header says {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise DataError(
            f"too large: {width} x {height} = {width * height:,} pixels, at most {MAX_PIXELS:,}"
        )
    if width * height * bytes_per_pixel > MAX_DECODED:
        raise DataError(
            f"too large: {width} x {height} pixels of {bytes_per_pixel} bytes take "
            f"{width * height * bytes_per_pixel:,} bytes, at most {MAX_DECODED:,}"
        )
