"""Whether a DICOM file holds one picture that can be read, whole and of the size that it announces.

Sources: DICOM PS3.3, C.7.6.3; PS3.5, annex A.4; JPEG, ITU-T T.81, annex B; JPEG-LS, T.87, annex C
(the frame's marker); JPEG 2000, T.800, annex A.
"""

import io
from typing import Any

from keras_cxr.data.files.dicom_display import PHOTOMETRICS, number, word
from keras_cxr.data.files.headers import JPEG_FRAMES, JPEG_SCAN, jpeg_segments
from keras_cxr.data.files.memory import check_size
from keras_cxr.errors import DataError

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_JPEG_LS_FRAME = 0xF7
_JPEG_2000_START = b"\xff\x4f\xff\x51"
_TILE, _CODE_END = b"\xff\x90", b"\xff\xd9"


def check_pixels(film: Any) -> int:
    """Return how many bytes the decoded pixels take, once they are known to be one film.

    Raises:
        DataError: They are not, or are too many.
    """
    name = next((name for name in _PIXELS if name in film), None)
    if name is None and "SOPClassUID" not in film:
        raise DataError(
            "damaged: the DICOM file cannot be read (it holds neither class nor pixels)"
        )
    if name is None:
        raise DataError(
            f"the DICOM file holds no picture (Modality {word(film, 'Modality') or 'unknown'})"
        )
    frames = number(film, "NumberOfFrames")
    rows, columns, samples, allocated = (
        int(number(film, tag) or usual)
        for tag, usual in (
            ("Rows", 0),
            ("Columns", 0),
            ("SamplesPerPixel", 1),
            ("BitsAllocated", 8),
        )
    )
    check_size(columns, rows)
    if frames is not None and frames != 1:
        raise DataError(f"the DICOM file holds {frames:g} frames, expected one")
    check_size(columns, rows, samples * -(-allocated // 8))
    photometric = word(film, "PhotometricInterpretation")
    if photometric not in PHOTOMETRICS:
        raise DataError(f"PhotometricInterpretation {photometric!r} is not supported")
    if name == "PixelData":
        _check_bits(film, allocated)
    elif photometric not in PHOTOMETRICS[:2]:
        raise DataError(f"{name} must be MONOCHROME1 or MONOCHROME2, it is {photometric}")
    if film.file_meta.TransferSyntaxUID.is_compressed:
        _check_frames(film[name].value, width=columns, height=rows)
    else:
        from pydicom.pixels.utils import get_expected_length

        expected, held = get_expected_length(film), len(film[name].value)
        if held not in (expected, expected + 1):
            raise DataError(
                f"the DICOM pixels cannot be decoded: {held:,} bytes are stored, {columns} x "
                f"{rows} pixels take {expected:,}"
            )
    return rows * columns * samples * -(-allocated // 8)


def _check_bits(film: Any, allocated: int) -> None:
    stored, high = number(film, "BitsStored"), number(film, "HighBit")
    if stored is None or not 1 <= stored <= allocated:
        raise DataError(f"BitsStored must be 1 to BitsAllocated ({allocated}), it is {stored}")
    if high is not None and high != stored - 1:
        raise DataError(
            f"HighBit must be {stored - 1:g} for {stored:g} bits stored, it is {high:g}"
        )


def _check_frames(pixels: bytes, *, width: int, height: int) -> None:
    """Refuse encapsulated pixels of several frames, of another size, or cut off.

    Args:
        pixels: the value of PixelData.
        width: As Columns says.
        height: As Rows says.

    Raises:
        DataError: With the reason.
    """
    from pydicom.encaps import generate_fragments, parse_basic_offsets

    buffer = io.BytesIO(pixels)
    if len(parse_basic_offsets(buffer)) > 1:  # which leaves the buffer at the first fragment
        raise DataError("the DICOM file holds several frames, expected one")
    fragments = list(generate_fragments(buffer))
    frame = b"".join(fragments)
    if not frame:
        raise DataError("the DICOM file holds no pixels")
    if frame.startswith(_JPEG_START):
        if sum(fragment.startswith(_JPEG_START) for fragment in fragments) > 1:
            raise DataError("the DICOM file holds several frames, expected one")
        size = _jpeg_size(frame)
    elif frame.startswith(_JPEG_2000_START):
        size = _jpeg_2000_size(frame)
    else:
        return  # run-length encoded: pydicom holds the lengths against the size
    if size != (width, height):
        raise DataError(
            f"the picture in the DICOM file has {size[0]} x {size[1]} pixels, Columns x Rows say "
            f"{width} x {height}"
        )


def _jpeg_size(frame: bytes) -> tuple[int, int]:
    size = (0, 0)
    for marker, body, end in jpeg_segments(frame):
        if marker in JPEG_FRAMES or marker == _JPEG_LS_FRAME:
            size = int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
            baseline = marker in (0xC0, 0xC1, 0xC2) and body[0] == 8
        elif marker == JPEG_SCAN and size != (0, 0):
            if frame.rfind(_JPEG_END, end) < 0:
                break
            if baseline:
                _check_decodes(frame)
            return size
    raise DataError("truncated: the JPEG in the DICOM file ends without its end mark")


def _check_decodes(frame: bytes) -> None:
    """Refuse what libjpeg complains of; pydicom's decoders fill it with grey."""
    import simplejpeg

    try:
        colours = {"Gray": "GRAY", "CMYK": "CMYK"}.get(simplejpeg.decode_jpeg_header(frame)[2])
        simplejpeg.decode_jpeg(frame, colours or "RGB", strict=True)
    except ValueError as error:
        raise DataError(f"damaged: the JPEG in the DICOM file: {error}") from error


def _jpeg_2000_size(frame: bytes) -> tuple[int, int]:
    right, bottom, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in (8, 12, 16, 20))
    position = 2
    while frame[position : position + 2] != _TILE and position + 4 <= len(frame):
        position += 2 + max(int.from_bytes(frame[position + 2 : position + 4], "big"), 2)
    while frame[position : position + 2] == _TILE:  # each tile-part says how long it is
        length = int.from_bytes(frame[position + 6 : position + 10], "big")
        if length == 0:  # the last one may leave that open
            position = frame.rfind(_CODE_END, position)
            break
        position += max(length, 12)
    if position < 0 or frame[position : position + 2] != _CODE_END:
        raise DataError("truncated: the JPEG 2000 picture in the DICOM file is not whole")
    return right - left, bottom - top
