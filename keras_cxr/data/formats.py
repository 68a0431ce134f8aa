"""Whether the bytes of a file are a whole PNG or JPEG, judged without decoding a pixel.

OpenCV decodes many a truncated file without a word and fills the rest with grey. The checks
here walk through the file's own structure first: PNG chunks with their checksums, JPEG
segments up to the end marker. Both also give the picture's size, so that a file that would
unpack into gigabytes is refused before it is decoded.

Sources: PNG (Third Edition), W3C 2025, section 5; JPEG, ITU-T T.81, annex B.
"""

import zlib

from keras_cxr.errors import DataError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
DICOM_SIGNATURE = b"DICM"
DICOM_PREAMBLE = 128

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded. Chest films reach 25 million pixels (5,000 x 5,000)."""

MAX_BYTES = 512 * 1024 * 1024
"""Largest file that is read. A film of MAX_PIXELS with 16 bits takes 128 MB uncompressed."""

_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})


def kind_of(data: bytes) -> str:
    """Returns "png", "jpeg" or "dicom" by the first bytes, whatever the file is called.

    Raises:
        DataError: The file is empty or none of the three.
    """
    if not data:
        raise DataError("the file is empty (0 bytes)")
    if data.startswith(PNG_SIGNATURE):
        return "png"
    if data.startswith(JPEG_SIGNATURE):
        return "jpeg"
    if data[DICOM_PREAMBLE : DICOM_PREAMBLE + 4] == DICOM_SIGNATURE:
        return "dicom"
    raise DataError(f"not a PNG, JPEG or DICOM image (it begins with {data[:12]!r})")


def check_size(width: int, height: int) -> None:
    """Refuses pictures without pixels and those above `MAX_PIXELS`.

    Raises:
        DataError: The size is zero or too large.
    """
    if width < 1 or height < 1:
        raise DataError(f"the header says {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise DataError(
            f"too large: {width} x {height} = {width * height:,} pixels, at most {MAX_PIXELS:,}"
        )


def check_png(data: bytes) -> None:
    """Refuses a PNG that is too large, cut off, or damaged in its pixels.

    Raises:
        DataError: With the reason.
    """
    position = len(PNG_SIGNATURE)
    pixels_seen = False
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(data):
            break
        if position == len(PNG_SIGNATURE):
            if name != b"IHDR" or length < 8:
                raise DataError("damaged: the PNG has no header")
            body = data[position + 8 : position + 16]
            check_size(int.from_bytes(body[:4], "big"), int.from_bytes(body[4:], "big"))
        if name in (b"IHDR", b"PLTE", b"IDAT"):
            stored = int.from_bytes(data[end - 4 : end], "big")
            if zlib.crc32(memoryview(data)[position + 4 : end - 4]) != stored:
                raise DataError(f"damaged: the PNG's {name.decode()} checksum does not hold")
            pixels_seen = pixels_seen or name == b"IDAT"
        elif name == b"IEND":
            if not pixels_seen:
                raise DataError("damaged: the PNG holds no pixels")
            return
        position = end
    raise DataError(f"truncated: the PNG ends after {len(data):,} bytes without its end mark")


def check_jpeg(data: bytes) -> None:
    """Refuses a JPEG that is too large or cut off.

    Raises:
        DataError: With the reason.
    """
    position = 2
    framed = False
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise DataError("damaged: the JPEG's segments do not follow one another")
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _JPEG_STANDALONE:
            position += 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _JPEG_FRAMES and position + 9 <= len(data):
            height = int.from_bytes(data[position + 5 : position + 7], "big")
            width = int.from_bytes(data[position + 7 : position + 9], "big")
            check_size(width, height)
            framed = True
        position += 2 + max(length, 2)
        if marker == _JPEG_SCAN:
            if not framed:
                raise DataError("damaged: the JPEG has no frame header")
            if data.rfind(_JPEG_END, position) < 0:
                break
            return
    raise DataError(f"truncated: the JPEG ends after {len(data):,} bytes without its end mark")
