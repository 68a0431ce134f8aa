"""What a picture file's own structure says before a pixel is decoded; the one parser of headers.

Sources: PNG (Third Edition), W3C 2025, section 5; JPEG, ITU-T T.81, annex B; TIFF 6.0, Adobe 1992,
sections 2 and 8, which Exif uses too; WebP, RFC 9649, section 2; BMP, Microsoft's
`BITMAPINFOHEADER`.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

from keras_cxr.data.files.memory import check_size
from keras_cxr.errors import DataError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# by colour type; a palette decodes to three channels, grey + alpha to four
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}
_JPEG_END = b"\xff\xd9"
JPEG_SCAN = 0xDA
_JPEG_TABLES = 0xDB
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_APP1 = 0xE1
_JPEG_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_EXIF = b"Exif\x00\x00"
_ORIENTATION = 274
TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*")
BIG_TIFF_SIGNATURES = (b"II+\x00", b"MM\x00+")
_SIZES = {1: 1, 3: 2, 4: 4}  # bytes of the integers of a TIFF directory, by type
# TIFF 6.0, section 8, by tag
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _FORMAT = 256, 257, 258, 262, 277, 284, 339
_PIECES = ((273, 279), (324, 325))  # offsets and byte counts of strips, of tiles
_TIFF_COLOURS = {0: 1, 1: 1, 2: 3, 3: 3, 6: 3}  # channels by photometric interpretation


class Header(NamedTuple):
    """What a header says of a picture.

    Attributes:
        width: in pixels, as stored.
        height: in pixels, as stored.
        channels: of the decoded picture: a palette has three, grey with alpha and most WebP four.
        bit_depth: bits a sample.
        orientation: Exif's number, 1 for upright; only of JPEG, since OpenCV turns the others.
        negative: marks TIFF files of 16 bits in which 0 is white, which OpenCV does not invert.
        quantisation: a JPEG's table for luminance, 64 numbers in zigzag order; else empty.
    """

    width: int
    height: int
    channels: int
    bit_depth: int
    orientation: int = 1
    negative: bool = False
    quantisation: tuple[int, ...] = ()

    @property
    def num_bytes(self) -> int:
        """What the decoded picture takes."""
        return self.width * self.height * self.channels * (2 if self.bit_depth > 8 else 1)


def png_header(data: bytes) -> Header:
    """Return what a PNG says of its picture.

    Raises:
        DataError: It is cut off or has no header.
    """
    start = len(PNG_SIGNATURE)
    if len(data) < start + 25:
        raise DataError(f"truncated: the PNG ends after {len(data):,} bytes without its end mark")
    body = data[start + 8 : start + 18]
    if data[start + 4 : start + 8] != b"IHDR" or body[9] not in _PNG_CHANNELS:
        raise DataError("damaged: the PNG has no header")
    width, height = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
    return Header(width, height, _PNG_CHANNELS[body[9]], body[8])


def check_png(data: bytes) -> None:
    """Refuse a PNG that is cut off or whose pixels do not fit their checksums.

    OpenCV decodes many such files without a word and fills the rest with grey.

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


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker, body and the place behind each segment up to the first scan.

    Raises:
        DataError: What should be a segment is none.
    """
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise DataError("damaged: the JPEG's segments do not follow one another")
        marker = data[position + 1]
        if marker == 0xFF or marker in _JPEG_STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        end = position + 2 + max(int.from_bytes(data[position + 2 : position + 4], "big"), 2)
        yield marker, data[position + 4 : end], end
        if marker == JPEG_SCAN:
            return
        position = end


def jpeg_header(data: bytes) -> Header:
    """Return what a JPEG says of its picture, once it is known to have an end.

    Raises:
        DataError: It is damaged or cut off.
    """
    header, orientation = None, 1
    quantisation: tuple[int, ...] = ()
    for marker, body, end in jpeg_segments(data):
        if marker in JPEG_FRAMES and len(body) >= 5:
            height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            check_size(width, height)
            header = Header(width, height, int.from_bytes(body[5:6], "big"), body[0])
        elif marker == _JPEG_APP1 and body.startswith(_EXIF):
            orientation = _orientation(body[len(_EXIF) :])
        elif marker == _JPEG_TABLES:
            quantisation = quantisation or _luminance_table(body)
        elif marker == JPEG_SCAN:
            if header is None:
                raise DataError("damaged: the JPEG has no frame header")
            if data.rfind(_JPEG_END, end) < 0:
                break
            return header._replace(orientation=orientation, quantisation=quantisation)
    raise DataError(f"truncated: the JPEG ends after {len(data):,} bytes without its end mark")


def _luminance_table(body: bytes) -> tuple[int, ...]:
    """Return table 0 of a DQT segment (ITU-T T.81, B.2.4.1), if it is there."""
    position = 0
    while position < len(body):
        size, number = 1 + (body[position] >> 4), body[position] & 15
        values = body[position + 1 : position + 1 + 64 * size]
        if number == 0 and size <= 2 and len(values) == 64 * size:
            return struct.unpack(">64H" if size == 2 else ">64B", values)
        position += 1 + 64 * size
    return ()


def _orientation(exif: bytes) -> int:
    """Return Exif's orientation; 1 where the block is damaged, as other readers do."""
    try:
        (number,) = _directory(exif)[0].get(_ORIENTATION, (1,))
    except (DataError, ValueError):
        return 1
    return number if 1 <= number <= 8 else 1


def _directory(data: bytes) -> tuple[dict[int, tuple[int, ...]], int]:
    """Return the integers of a TIFF structure's first directory by tag, and the next one's place.

    Raises:
        DataError: The bytes are none.
    """
    if data[:4] not in TIFF_SIGNATURES:
        raise DataError("BigTIFF files are not read: save it as plain TIFF or PNG")
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(start: int, size: int) -> int:
        if start + size > len(data):
            raise DataError(f"truncated: the TIFF ends after {len(data):,} bytes in its directory")
        return int.from_bytes(data[start : start + size], order)

    start = number(4, 4)
    count = number(start, 2)
    found: dict[int, tuple[int, ...]] = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        size, length = _SIZES.get(number(place + 2, 2)), number(place + 4, 4)
        if size is None:
            continue
        if length * size > len(data):
            raise DataError("damaged: the TIFF's directory names more values than the file holds")
        at = place + 8 if length * size <= 4 else number(place + 8, 4)
        found[number(place, 2)] = tuple(number(at + i * size, size) for i in range(length))
    return found, number(start + 2 + 12 * count, 4)


def tiff_header(data: bytes) -> Header:
    """Return what a TIFF says of its picture.

    Raises:
        DataError: It is damaged or cut off, or holds what is not read: several pages, floating
            point, colours other than RGB.
    """
    tags, following = _directory(data)
    if following:
        raise DataError("the TIFF holds several pages, expected one: save the film by itself")

    def one(tag: int, usual: int) -> int:
        return tags[tag][0] if tags.get(tag) else usual

    depth, samples, colour = one(_BITS, 1), one(_SAMPLES, 1), one(_PHOTOMETRIC, -1)
    if one(_FORMAT, 1) != 1:
        raise DataError("the TIFF holds signed or floating-point pixels: save it as 8 or 16 bits")
    if depth not in (1, 2, 4, 8, 16) or len(set(tags.get(_BITS, ()))) > 1:
        raise DataError(f"the TIFF has {depth} bits a sample: save it as 8 or 16 bits")
    wanted = _TIFF_COLOURS.get(colour, 0) if colour != 3 else 1
    if samples not in (wanted, 4 if wanted == 3 else 0) or (colour in (3, 6) and depth == 16):
        raise DataError(
            f"the TIFF's colours are not read (photometric interpretation {colour}, {samples} "
            "samples a pixel): save it as grey or RGB"
        )
    if depth == 16 and samples > 1 and one(_PLANAR, 1) != 1:
        raise DataError("the TIFF holds each colour by itself: save it with colours interleaved")
    pieces = next((pair for pair in _PIECES if pair[0] in tags), None)
    if pieces is None or len(tags[pieces[0]]) != len(tags.get(pieces[1], ())):
        raise DataError("damaged: the TIFF does not say where its pixels lie")
    if any(at + size > len(data) for at, size in zip(*map(tags.get, pieces), strict=True)):
        raise DataError(f"truncated: the TIFF ends after {len(data):,} bytes within its pixels")
    channels = max(samples, _TIFF_COLOURS[colour])
    negative = depth == 16 and colour == 0
    return Header(one(_WIDTH, 0), one(_HEIGHT, 0), channels, depth, negative=negative)


def is_bmp(data: bytes) -> bool:
    """Return whether a file begins as a BMP; two letters alone may begin a text."""
    known = (12, 40, 52, 56, 108, 124)  # lengths of the headers that there are
    return data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in known


def bmp_header(data: bytes) -> Header:
    """Return what a BMP says of its picture.

    Raises:
        DataError: It is cut off.
    """
    if len(data) < 30:
        raise DataError(f"truncated: the BMP ends after {len(data):,} bytes within its header")
    if int.from_bytes(data[14:18], "little") == 12:
        width, height, bits = (int.from_bytes(data[at : at + 2], "little") for at in (18, 20, 24))
    else:
        width = int.from_bytes(data[18:22], "little", signed=True)
        height = abs(int.from_bytes(data[22:26], "little", signed=True))  # below 0: from the top
        bits = int.from_bytes(data[28:30], "little")
    return Header(width, height, 4 if bits == 32 else 3, 8)


def is_webp(data: bytes) -> bool:
    """Return whether a file begins as a WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def webp_header(data: bytes) -> Header:
    """Return what a WebP says of its picture.

    Raises:
        DataError: It is cut off, or holds several pictures.
    """
    if len(data) < int.from_bytes(data[4:8], "little") + 8 or len(data) < 30:
        raise DataError(f"truncated: the WebP ends after {len(data):,} bytes")
    name = data[12:16]
    if name == b"VP8X":
        if data[20] & 2:
            raise DataError("the WebP holds a film of several pictures, expected one")
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return Header(width, height, 4, 8)
    if name == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 4, 8)
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return Header(width, height, 3, 8)
