"""Grey pictures from DICOM files, as a radiologist's screen would show them."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.formats import check_size
from keras_cxr.errors import DataError

_INSTALL = 'pip install "keras-cxr[dicom]"'


def grey_from_dicom(data: bytes) -> NDArray[np.uint8]:
    """Returns a single-frame DICOM film as (height, width) uint8.

    The stored values go through the file's rescale slope and intercept, then through its first
    window (DICOM PS3.3, C.11.2.1.2); a file without a window shows its full range of stored
    bits. MONOCHROME1 (bright means low) is inverted, as the tag says.

    Raises:
        DataError: With the bare reason, such as a missing decoder.
    """
    try:
        import pydicom
    except ImportError as error:
        raise DataError(f"DICOM files need pydicom: {_INSTALL}") from error
    with warnings.catch_warnings():
        # pydicom warns of harmless breaches of the standard in a file's text fields
        warnings.simplefilter("ignore")
        try:
            film = pydicom.dcmread(io.BytesIO(data))
            frames = int(film.get("NumberOfFrames", None) or 1)
            rows, columns = int(film.Rows), int(film.Columns)
        except Exception as error:  # pydicom raises many kinds for damaged files
            raise DataError(f"damaged: the DICOM file cannot be read ({error})") from error
        check_size(columns, rows * max(frames, 1))
        if frames != 1:
            raise DataError(f"the DICOM file holds {frames} frames, expected one")
        try:
            pixels = np.asarray(film.pixel_array)
        except Exception as error:
            text = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise DataError(
                f"the DICOM pixels cannot be decoded ({text}). Decoders come with {_INSTALL}"
            ) from error
    if pixels.ndim == 3:
        return _grey(pixels)
    shown = _window(film, pixels.astype(np.float32))
    if film.PhotometricInterpretation == "MONOCHROME1":
        shown = np.float32(1.0) - shown
    return np.asarray(np.rint(shown * 255.0), np.uint8)


def _grey(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    grey = pixels[..., :3].astype(np.float32) @ weights
    largest = 255.0 if pixels.dtype == np.uint8 else 65535.0
    return np.asarray(np.rint(grey / largest * 255.0), np.uint8)


def _window(film: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the values as shown, float32 in [0, 1]."""
    slope = float(film.get("RescaleSlope", None) or 1.0)
    intercept = float(film.get("RescaleIntercept", None) or 0.0)
    center, width = _first(film.get("WindowCenter")), _first(film.get("WindowWidth"))
    if center is None or width is None or width < 1.0:
        stored = int(film.BitsStored)
        lowest = -(2 ** (stored - 1)) if int(film.get("PixelRepresentation", 0)) else 0
        return _clipped((values - lowest) / (2**stored - 1))
    values = values * slope + intercept
    kind = str(film.get("VOILUTFunction", "LINEAR") or "LINEAR")
    if kind == "SIGMOID":
        return np.asarray(1.0 / (1.0 + np.exp(-4.0 * (values - center) / width)), np.float32)
    if kind == "LINEAR_EXACT":
        return _clipped((values - center) / width + 0.5)
    return _clipped((values - (center - 0.5)) / max(width - 1.0, 1.0) + 0.5)


def _clipped(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(np.clip(values, 0.0, 1.0), np.float32)


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return (
        float(value[0])
        if hasattr(value, "__len__") and not isinstance(value, str)
        else float(value)
    )
