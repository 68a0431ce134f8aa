"""What a file's header says: format, size, bits, channels, compression, and a few DICOM facts."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.formats import PNG_SIGNATURE, kind_of
from keras_cxr.errors import DataError

_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type (PNG, section 11.2.1); 3 is palette
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES, _SCAN = 0xDB, 0xDA
_STANDALONE = frozenset({0x01, 0xFF, *range(0xD0, 0xD8)})

# ITU-T T.81, table K.1 (luminance), in zigzag order as files hold it.
_LUMINANCE = np.array(
    [
        16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
        26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
        56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
        95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
    ]
)  # fmt: skip

DICOM_FACTS = {
    "photometric": "PhotometricInterpretation",
    "view": "ViewPosition",
    "body_part": "BodyPartExamined",
    "modality": "Modality",
    "manufacturer": "Manufacturer",
}


def read_header(data: bytes) -> dict[str, Any]:
    """Returns what the first bytes of a PNG, JPEG or DICOM file say about the picture.

    Returns:
        A dictionary with format ("png", "jpeg", "dicom"), bit_depth, channels, and where the
        format holds them width, height, jpeg_quality (1 to 100) and the `DICOM_FACTS` as text.
        Nothing that could name a patient is read.

    Raises:
        DataError: The file is none of the three, or its header is damaged.
    """
    kind = kind_of(data)
    facts = {"png": _png, "jpeg": _jpeg, "dicom": _dicom}[kind](data)
    return {"format": kind, **facts}


def estimate_quality(table: NDArray[np.integer[Any]]) -> int:
    """Returns the quality setting, 1 to 100, whose luminance table is nearest to this one.

    The Independent JPEG Group's library, on which most software builds, scales table K.1 of
    ITU-T T.81 by s = 5000 / q for a quality q below 50, by s = 200 - 2 q from 50 on, in percent.
    Software with tables of its own (cameras, Photoshop) gets the nearest number.

    Args:
        table: (64,) integers in zigzag order.
    """
    distances = np.abs(_scaled_tables() - np.asarray(table, np.int64)).sum(axis=1)
    return 100 - int(np.argmin(distances[::-1]))  # of equal tables the highest setting


def _scaled_tables() -> NDArray[np.int64]:
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return np.clip((_LUMINANCE * scale[:, None] + 50) // 100, 1, 255)


def _png(data: bytes) -> dict[str, Any]:
    start = len(PNG_SIGNATURE) + 8  # behind the length and the name of the first chunk
    header = data[start : start + 10]
    if len(header) < 10 or header[9] not in _PNG_CHANNELS:
        raise DataError("damaged: the PNG has no header")
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    return {
        "width": width,
        "height": height,
        "bit_depth": header[8],
        "channels": _PNG_CHANNELS[header[9]],
    }


def _jpeg(data: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + length]
        if marker in _FRAMES and len(body) >= 6:
            facts |= {
                "bit_depth": body[0],
                "height": int.from_bytes(body[1:3], "big"),
                "width": int.from_bytes(body[3:5], "big"),
                "channels": body[5],
            }
        elif marker == _TABLES:
            facts |= _quality(body)
        elif marker == _SCAN:
            break
        position += 2 + max(length, 2)
    if "width" not in facts:
        raise DataError("damaged: the JPEG has no frame header")
    return facts


def _quality(body: bytes) -> dict[str, int]:
    """Returns the quality by table 0 of a DQT segment (ITU-T T.81, B.2.4.1), if it is there."""
    position = 0
    while position < len(body):
        size, number = 1 + (body[position] >> 4), body[position] & 15
        values = body[position + 1 : position + 1 + 64 * size]
        if number == 0 and len(values) == 64 * size:
            table = np.frombuffer(values, ">u2" if size == 2 else "u1")
            return {"jpeg_quality": estimate_quality(table.astype(np.int64))}
        position += 1 + 64 * size
    return {}


def _dicom(data: bytes) -> dict[str, Any]:
    from keras_cxr.data.dicom import grey_from_dicom

    try:
        import pydicom
    except ImportError:
        grey_from_dicom(data)  # which says what to install
        raise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in keras_cxr/data/dicom.py
        try:
            film = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
            facts: dict[str, Any] = {
                "bit_depth": int(film.get("BitsStored", None) or 0),
                "channels": int(film.get("SamplesPerPixel", None) or 1),
                "width": int(film.Columns),
                "height": int(film.Rows),
            }
        except Exception as error:  # pydicom raises many kinds for damaged files
            raise DataError(f"damaged: the DICOM file cannot be read ({error})") from error
        names = DICOM_FACTS.items()
        return facts | {name: str(film.get(keyword, None) or "") for name, keyword in names}
