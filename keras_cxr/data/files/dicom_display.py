"""From a DICOM film's stored values to grey, in the order of DICOM PS3.4, annex N.2.

Modality LUT or rescale; VOI LUT or window; presentation. Each step is pydicom's, done once for
every value that occurs and not for every pixel: on large films that takes a tenth of time and room.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.files.intensity import limits, stretched
from keras_cxr.errors import DataError

_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")  # pydicom makes them RGB
_PALETTE = "PALETTE COLOR"
_NEGATIVE = {"MONOCHROME1": True, "MONOCHROME2": False}
PHOTOMETRICS = (*_NEGATIVE, _PALETTE, *_COLOURS)
_GREY_OF_RGB = np.array([0.299, 0.587, 0.114], np.float32)
_FULL = 65535.0  # the range that windows are asked to fill, 16 bits


class Shown(NamedTuple):
    """(height, width) uint8, and how many of the stored grey steps the film uses."""

    image: NDArray[np.uint8]
    levels: int


def show(film: Any, pixels: NDArray[Any], intensity: str) -> Shown:
    """Return a film as a screen shows it, or with `percentiles` in place of its window.

    Args:
        film: the pydicom data set, checked.
        pixels: (height, width) or (height, width, 3), as pydicom decodes them.
        intensity: one of `INTENSITIES`.

    Raises:
        DataError: A tag that decides on the grey values cannot be understood; it is named.
    """
    photometric = word(film, "PhotometricInterpretation")
    if photometric not in _NEGATIVE:
        return _show_colours(film, pixels, intensity, palette=photometric == _PALETTE)
    if not np.isfinite(pixels).all():
        raise DataError("the DICOM file holds pixels that are no finite numbers")
    values, places, counts = _distinct(pixels)
    padding = _padding(film, values, pixels.dtype)
    held = ~padding if counts is None else ~padding & (counts > 0)
    if not held.any():
        raise DataError("the DICOM file holds nothing but padding (PixelPaddingValue)")
    weights = None if counts is None else counts[held]
    low, high = limits(values[held], weights)
    shown = _shown(film, values, held, weights, intensity=intensity)
    if _is_negative(film, photometric):
        shown = np.float32(1.0) - shown
    shown[padding] = 0.0  # background, whatever its value would mean (PS3.3, C.7.5.1.1.2)
    table = np.rint(255.0 * shown).astype(np.uint8)
    image = table.reshape(pixels.shape) if places is None else table[places]
    return Shown(image, math.ceil(high - low))


def _distinct(
    pixels: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None]:
    """Return values in order, each pixel's place among them, and how often each stands there.

    Of pixels with more than 16 bits, all values, and None for the other two.
    """
    if pixels.dtype.kind not in "iu" or pixels.itemsize > 2:
        return pixels.ravel(), None, None
    lowest, highest = int(pixels.min()), int(pixels.max())
    kind = np.dtype(f"u{pixels.itemsize}")
    places = pixels.view(kind) - kind.type(lowest % 2 ** (8 * pixels.itemsize))
    count = highest - lowest + 1
    rows = np.array_split(places, 1 + pixels.size // 4_000_000)  # which bincount makes 64-bit
    counts = np.sum([np.bincount(part.ravel(), minlength=count) for part in rows], axis=0)
    return np.arange(lowest, highest + 1), places, counts


def _shown(
    film: Any,
    values: NDArray[Any],
    held: NDArray[np.bool_],
    weights: NDArray[Any] | None,
    *,
    intensity: str,
) -> NDArray[np.float32]:
    """Return every value as a share of the way from black to white, before presentation.

    Args:
        film: the pydicom data set.
        values: stored ones.
        held: which of them the film holds and are no padding.
        weights: how often it holds each of these; None for once.
        intensity: one of `INTENSITIES`.
    """
    from pydicom.pixels import apply_modality_lut

    modality = _tags(film, "ModalityLUTSequence")
    if not film.get("ModalityLUTSequence"):
        slope, intercept = number(film, "RescaleSlope"), number(film, "RescaleIntercept")
        if slope == 0.0:
            raise DataError("RescaleSlope is 0, which makes all values equal")
        if slope is not None or intercept is not None:
            modality.RescaleSlope, modality.RescaleIntercept = 1, 0
            for name in ("RescaleSlope", "RescaleIntercept"):
                if number(film, name) is not None:
                    modality[name] = film[name]
    mapped = np.asarray(apply_modality_lut(values, modality))
    if intensity == "percentiles":
        return stretched(mapped, *limits(mapped[held], weights))
    if film.get("VOILUTSequence"):
        return _looked_up(film, mapped)
    center, width = number(film, "WindowCenter"), number(film, "WindowWidth")
    if (center is None) != (width is None):
        raise DataError("the DICOM file has only one of WindowCenter and WindowWidth")
    if center is not None:
        return _windowed(film, mapped)
    if film.get("ModalityLUTSequence"):
        return stretched(mapped, 0, 2 ** int(film.ModalityLUTSequence[0].LUTDescriptor[2]) - 1)
    if mapped.dtype.kind == "f" and values.dtype.kind == "f":  # no number of bits says how far
        return stretched(mapped, float(mapped[held].min()), float(mapped[held].max()))
    ends = np.asarray(apply_modality_lut(np.array(_stored_range(film)), modality))
    return stretched(mapped, float(ends.min()), float(ends.max()))


def _looked_up(film: Any, mapped: NDArray[Any]) -> NDArray[np.float32]:
    """Return values by the first table of the VOI LUT Sequence."""
    from pydicom.pixels import apply_voi_lut

    view = _tags(film, "VOILUTSequence")
    table = view.VOILUTSequence[0]
    entries, first, bits = (int(part) for part in table.LUTDescriptor)
    entries = entries or 65536
    # pydicom counts in the type of the table's entries: to 255 where these have 8 bits
    table.LUTDescriptor = [entries % 65536, first, max(bits, 10) if bits == 8 else bits]
    within = np.clip(np.rint(mapped), first, first + entries - 1).astype(np.int64)
    return stretched(np.asarray(apply_voi_lut(within, view)), 0, 2**bits - 1)


def _windowed(film: Any, mapped: NDArray[Any]) -> NDArray[np.float32]:
    """Return values by the first window."""
    from pydicom.pixels import apply_windowing

    view = _tags(film, "WindowCenter", "WindowWidth", "VOILUTFunction")
    view.PhotometricInterpretation, view.BitsStored, view.PixelRepresentation = "MONOCHROME2", 16, 0
    return stretched(np.asarray(apply_windowing(mapped, view)), 0, _FULL)


def _show_colours(film: Any, pixels: NDArray[Any], intensity: str, *, palette: bool) -> Shown:
    bits = int(film.BitsStored)
    if palette:
        from pydicom.pixels import apply_color_lut

        entries, first, bits = (int(part) for part in film.RedPaletteColorLookupTableDescriptor)
        entries = entries or 65536
        if bits == 8 and entries > 256:
            raise DataError("palettes of 8 bits with more than 256 colours are not read")
        pixels = apply_color_lut(np.clip(pixels, first, first + entries - 1), film)
        bits = 8 * pixels.itemsize
    grey = pixels[..., :3].astype(np.float32) @ _GREY_OF_RGB
    low, high = limits(grey)
    levels = math.ceil(high - low)
    if intensity == "stored":
        low, high = 0.0, float(2**bits - 1)
    return Shown(np.rint(255.0 * stretched(grey, low, high)).astype(np.uint8), levels)


def _stored_range(film: Any) -> tuple[int, int]:
    """Return the lowest and highest value that BitsStored allows."""
    bits = int(film.BitsStored)
    if int(film.get("PixelRepresentation", 0) or 0):
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 2**bits - 1


def _padding(film: Any, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.bool_]:
    """Return which values are padding (DICOM PS3.3, C.7.5.1.1.2)."""
    whole = dtype.kind in "iu"
    name = "PixelPaddingValue" if whole else "FloatPixelPaddingValue"
    if not whole and dtype.itemsize == 8:
        name = "DoubleFloatPixelPaddingValue"
    value = number(film, name)
    if value is None:
        return np.zeros(values.shape, bool)
    limit = number(film, name.replace("Value", "RangeLimit"))
    ends = [value, value if limit is None else limit]
    if whole:  # written with a sign where the pixels have none, or the other way round
        lowest = int(np.iinfo(dtype).min)
        ends = [(end - lowest) % 2 ** (8 * dtype.itemsize) + lowest for end in ends]
    return np.asarray((values >= min(ends)) & (values <= max(ends)))


def _is_negative(film: Any, photometric: str) -> bool:
    """Return whether low values are white: both tags say the same, so it is inverted once."""
    shape = word(film, "PresentationLUTShape")
    if shape not in ("", "IDENTITY", "INVERSE"):
        raise DataError(f"PresentationLUTShape {shape!r} is not supported")
    return _NEGATIVE[photometric] or shape == "INVERSE"


def _tags(film: Any, *names: str) -> Any:
    """Return a copy of some tags, so that pydicom's functions see no others."""
    from pydicom.dataset import Dataset

    view = Dataset()
    for name in names:
        if film.get(name) is not None:
            view[name] = film[name]
    view.set_original_encoding(*film.original_encoding)
    return view


def number(film: Any, name: str) -> float | None:
    """Return the first number of a tag, or None where it is empty or absent.

    Raises:
        DataError: It is no finite number, or several where DICOM has one.
    """
    try:
        value = film.get(name)
        if value is None or value == "":
            return None
        several = hasattr(value, "__len__") and not isinstance(value, str)
        if several and not name.startswith("Window"):
            raise DataError(f"{name} must be one number, it holds {len(value)}")
        found = float(value[0] if several else value)
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name} must be a number: {_raw(film, name)}") from error
    if not math.isfinite(found):
        raise DataError(f"{name} must be a finite number, it is {found}")
    return found


def word(film: Any, name: str) -> str:
    """Return a tag's code word in capitals, "" where it is empty or absent."""
    return str(film.get(name) or "").strip().upper()


def _raw(film: Any, name: str) -> str:
    value = getattr(film.get_item(name), "value", "")
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return f"it is {text.strip()[:40]!r}"
