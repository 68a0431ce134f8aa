"""Grey pictures from DICOM files, as a radiologist's screen would show them."""

import io
import secrets
import warnings
import zlib
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.files.dicom_display import PHOTOMETRICS, number, show, word
from keras_cxr.data.files.dicom_frames import check_frames
from keras_cxr.data.files.formats import (
    DICOM_EXTRA,
    DICOM_PREAMBLE,
    DICOM_SIGNATURE,
    MAX_DECODED,
    NEEDS_PYDICOM,
    check_size,
)
from keras_cxr.data.files.memory import DECODED
from keras_cxr.errors import DataError

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_DEFLATED = "1.2.840.10008.1.2.1.99"
_WORK = (
    6  # bytes taken for each stored one: file, frame, pixels, their places in a table of 32 bits
)

_LONGEST = 64  # characters of a tag's text that are kept, as DICOM allows for most

# Of this process alone: what is made with it says which films of a data set are of one patient,
# and nothing that is kept can be traced to a number, not even by trying all numbers.
_KEY = secrets.token_bytes(32)
_NOBODY = frozenset({"", "0", "ANON", "ANONYMIZED", "ANONYMISED", "ANONYMOUS", "NONE", "UNKNOWN"})


class DicomFilm(NamedTuple):
    """A film: (height, width) uint8, the stored grey steps it uses, and whose it is.

    `patient` is the same for films of one PatientID within one process, "" where there is none.
    """

    image: NDArray[np.uint8]
    levels: int
    patient: str


def read_dicom(data: bytes, intensity: str = "stored") -> DicomFilm:
    """Returns a single-frame DICOM film.

    The stored values go through the Modality LUT or rescale slope and intercept, through the first
    VOI LUT or window (without one, the range of BitsStored is shown), and are inverted where
    MONOCHROME1 or the Presentation LUT Shape says that low means white (DICOM PS3.4, N.2). Padding
    is black. With `intensity="percentiles"` the film's own percentiles, without padding, take the
    window's place.

    Raises:
        DataError: With the bare reason, such as a missing decoder.
    """
    pydicom = _pydicom()
    with warnings.catch_warnings():
        # pydicom warns of harmless breaches of the standard in a file's text fields
        warnings.simplefilter("ignore")
        try:
            start, syntax = _beginning(data, pydicom)
            if syntax == _DEFLATED:
                with DECODED.hold(DECODED.num_bytes):  # how much comes out shows only then
                    return _film(_inflated(data, start, pydicom), intensity)
            film = pydicom.dcmread(io.BytesIO(data), force=start == 0)
            if "TransferSyntaxUID" not in film.file_meta:
                film.file_meta.TransferSyntaxUID = _plain_syntax(film, pydicom)
            with DECODED.hold(_WORK * _check(film)):
                return _film(film, intensity)
        except DataError:
            raise
        except Exception as error:  # pydicom raises many kinds for damaged files
            raise _damaged(error) from error


def read_tags(data: bytes, keywords: Iterable[str]) -> dict[str, str]:
    """Returns the texts of some tags by their keywords, "" where a film lacks one.

    Raises:
        DataError: With the bare reason.
    """
    pydicom = _pydicom()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            start, syntax = _beginning(data, pydicom)
            if syntax == _DEFLATED:
                with DECODED.hold(DECODED.num_bytes):
                    film = _inflated(data, start, pydicom)
            else:
                film = pydicom.dcmread(io.BytesIO(data), force=start == 0, stop_before_pixels=True)
            return {name: str(film.get(name) or "").strip()[:_LONGEST] for name in keywords}
        except DataError:
            raise
        except Exception as error:
            raise _damaged(error) from error


def read_patient(data: bytes) -> str:
    """Returns whose film it is, as `DicomFilm.patient`, without decoding a pixel."""
    pydicom = _pydicom()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tags = ["PatientID", "IssuerOfPatientID"]
            film = pydicom.dcmread(
                io.BytesIO(data), force=True, stop_before_pixels=True, specific_tags=tags
            )
        except Exception:  # whatever is wrong is told where its picture is read
            return ""
        return _patient(film)


def _damaged(error: Exception) -> DataError:
    # not its words, which may quote the patient's
    return DataError(f"damaged: the DICOM file cannot be read ({type(error).__name__})")


def _pydicom() -> Any:
    try:
        import pydicom
    except ImportError as error:
        raise DataError(NEEDS_PYDICOM) from error
    return pydicom


def _beginning(data: bytes, pydicom: Any) -> tuple[int, str]:
    """Returns where the file's meta information begins, and its transfer syntax if it says one."""
    start = DICOM_PREAMBLE + 4 if data[DICOM_PREAMBLE:][:4] == DICOM_SIGNATURE else 0
    if data[start : start + 2] != b"\x02\x00":
        return start, ""
    buffer = io.BytesIO(data)
    buffer.seek(start)
    meta = pydicom.filereader.read_dataset(
        buffer, False, True, stop_when=lambda tag, *_: tag.group != 2
    )
    return start, str(meta.get("TransferSyntaxUID", ""))


def _inflated(data: bytes, start: int, pydicom: Any) -> Any:
    """Returns the data set of a deflated file, within the cap."""
    buffer = io.BytesIO(data)
    buffer.seek(start)
    read = pydicom.filereader.read_dataset
    meta = read(buffer, False, True, stop_when=lambda tag, *_: tag.group != 2)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    content = unpacker.decompress(data[buffer.tell() :], MAX_DECODED)
    if unpacker.unconsumed_tail:
        raise DataError(f"too large: the deflated DICOM file unpacks to over {MAX_DECODED:,} bytes")
    if not unpacker.eof:
        raise DataError("truncated: the deflated DICOM file is not whole")
    film = read(io.BytesIO(content), False, True)
    film.file_meta = pydicom.dataset.FileMetaDataset(meta)
    film.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    film.set_original_encoding(False, True)
    _check(film)
    return film


def _plain_syntax(film: Any, pydicom: Any) -> str:
    implicit, little = film.original_encoding
    if implicit:
        return str(pydicom.uid.ImplicitVRLittleEndian)
    return str(pydicom.uid.ExplicitVRLittleEndian if little else pydicom.uid.ExplicitVRBigEndian)


def _check(film: Any) -> int:
    """Returns how many bytes the decoded pixels take, once they are known to be one film.

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
        check_frames(film[name].value, width=columns, height=rows)
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


def _film(film: Any, intensity: str) -> DicomFilm:
    try:
        pixels = np.asarray(film.pixel_array)
    except Exception as error:
        text = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise DataError(
            f"the DICOM pixels cannot be decoded ({text}). Decoders come with {DICOM_EXTRA}"
        ) from error
    _lift_functional_groups(film)
    try:
        shown = show(film, pixels, intensity)
    except DataError:
        raise
    except Exception as error:  # such as a table shorter than it says
        # words that name a tag of the display, as pydicom's own do, quote nothing else
        text = str(error) if "(0028," in str(error) else type(error).__name__
        raise DataError(f"the DICOM file's grey values cannot be worked out ({text})") from error
    return DicomFilm(shown.image, shown.levels, _patient(film))


def _lift_functional_groups(film: Any) -> None:
    """Copies an enhanced film's rescale and window to where plain films have them."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for item in list(film.get(groups) or [])[:1]:
            for name in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                for inner in list(item.get(name) or [])[:1]:
                    film.update({element.tag: element for element in inner})


def _patient(film: Any) -> str:
    try:
        name, issuer = (
            str(film.get(tag) or "").strip() for tag in ("PatientID", "IssuerOfPatientID")
        )
    except Exception:  # a text that cannot be decoded names nobody
        return ""
    if name.upper() in _NOBODY:
        return ""
    return blake2b(f"{issuer}\n{name}".encode(), digest_size=16, key=_KEY).hexdigest()
