"""What a file's header says: format, size, bits, channels, compression, and a few DICOM facts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.files.dicom import read_tags
from keras_cxr.data.files.formats import DICOM, kind_of, read_header

# ITU-T T.81, table K.1 (luminance), in zigzag order as files hold it.
_LUMINANCE = np.array(
    [
        16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
        26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
        56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
        95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
    ]
)  # fmt: skip

_DICOM_NUMBERS = {
    "bit_depth": "BitsStored",
    "channels": "SamplesPerPixel",
    "width": "Columns",
    "height": "Rows",
}
DICOM_FACTS = {
    "photometric": "PhotometricInterpretation",
    "view": "ViewPosition",
    "body_part": "BodyPartExamined",
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "manufacturer_model": "ManufacturerModelName",
    "detector": "DetectorType",
    "conversion": "ConversionType",
    "intent": "PresentationIntentType",
    "window_function": "VOILUTFunction",
    "lossy": "LossyImageCompression",
    "kvp": "KVP",
    "pixel_spacing": "ImagerPixelSpacing",
}
"""What is read of DICOM headers besides the picture: how it was taken and stored. No other tag is,
so that nothing which could name a patient, a doctor or a hospital reaches a page or a cache."""


def header_facts(data: bytes) -> dict[str, Any]:
    """Return what the header of an image file says about the picture.

    Returns:
        A dictionary with format (`DICOM` or a key of `PICTURE_FORMATS`), bit_depth, channels, and
        where the format holds them width, height, jpeg_quality (1 to 100) and the `DICOM_FACTS` as
        text. Nothing that could name a patient is read.

    Raises:
        DataError: The file is no image, or its header is damaged.
    """
    kind = kind_of(data)
    if kind == DICOM:
        return {"format": kind, **_dicom(data)}
    header = read_header(data, kind)
    facts = {name: getattr(header, name) for name in ("width", "height", "bit_depth", "channels")}
    if header.quantisation:
        facts["jpeg_quality"] = estimate_quality(np.array(header.quantisation))
    return {"format": kind, **facts}


def estimate_quality(table: NDArray[np.integer[Any]]) -> int:
    """Return the quality setting, 1 to 100, whose luminance table is nearest to this one.

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


def _dicom(data: bytes) -> dict[str, Any]:
    tags = read_tags(data, [*_DICOM_NUMBERS.values(), *DICOM_FACTS.values()])
    numbers = {name: int(tags[tag]) for name, tag in _DICOM_NUMBERS.items() if tags[tag].isdigit()}
    return {"channels": 1, **numbers, **{name: tags[tag] for name, tag in DICOM_FACTS.items()}}
