"""Picture files made by hand."""

import struct
import zlib

import cv2
import numpy as np

from tests.data.helpers import picture


def png(pixels):
    return cv2.imencode(".png", pixels)[1].tobytes()


def jpeg(pixels):
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def png_header(width, height):
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + body
        + struct.pack(">I", zlib.crc32(body))
        + end
    )


GREY = picture(3)


COLOUR = cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)


DEEP = GREY.astype(np.uint16) * 257


SMOOTH = cv2.resize(GREY, (96, 80), interpolation=cv2.INTER_LINEAR)


def tiff(pixels, *, order="<", pages=1, **tags):
    """An uncompressed TIFF of one strip, with tags changed or added by their number."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    known = {
        256: width,
        257: height,
        258: [8 * pixels.itemsize] * samples,
        259: 1,
        262: 1 if samples == 1 else 2,
        273: 8,
        277: samples,
        278: height,
        279: len(data),
        **{int(name[1:]): value for name, value in tags.items()},
    }
    entries, more = b"", b""
    start = 8 + len(data) + len(data) % 2
    end = start + 2 + 12 * len(known) + 4
    for tag, value in sorted(known.items()):
        values = value if isinstance(value, list) else [value]
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            place, more = end + len(more), more + packed
            packed = struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", tag, 4, len(values)) + packed
    following = 0 if pages == 1 else start
    directory = struct.pack(f"{order}H", len(known)) + entries + struct.pack(f"{order}I", following)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    return head + data + b"\0" * (len(data) % 2) + directory + more


def saved(tmp_path, data, name="film"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def exif(orientation):
    return b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1" + struct.pack(">HHI", orientation, 0, 0)
