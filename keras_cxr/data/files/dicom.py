"""Grey pictures from DICOM files, as a radiologist's screen would show them."""

import io
import secrets
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import numpy as np

from keras_cxr.data.files.dicom_checks import check_pixels
from keras_cxr.data.files.dicom_display import show
from keras_cxr.data.files.intensity import Film
from keras_cxr.data.files.memory import DECODED, MAX_DECODED
from keras_cxr.errors import DataError

DICOM_EXTRA = 'pip install "keras-cxr[dicom]"'
"""What an error names where a package is missing: the file itself may be good."""

NEEDS_PYDICOM = f"DICOM files need pydicom: {DICOM_EXTRA}"

_SIGNATURE = b"DICM"
_PREAMBLE = 128
_LARGEST_FIRST_VALUE = 256  # bytes: what DICOM files begin with are numbers, UIDs and short words
_DEFLATED = "1.2.840.10008.1.2.1.99"
# bytes taken for each stored one: file, frame, pixels, their places in a table of 32 bits
_WORK = 6

_LONGEST = 64  # characters of a tag's text that are kept, as DICOM allows for most

# Of this process alone: what is made with it says which films of a data set are of one patient,
# and nothing that is kept can be traced to a number, not even by trying all numbers.
_KEY = secrets.token_bytes(32)
_NOBODY = frozenset({"", "0", "ANON", "ANONYMIZED", "ANONYMISED", "ANONYMOUS", "NONE", "UNKNOWN"})


def is_dicom(data: bytes) -> bool:
    """Return whether a DICOM file begins here: with its preamble, or bare, as in old files.

    DICOM PS3.5, section 7.1: the first element is one of group 0002 or 0008, little endian, with
    two letters for its kind and its length, or with its length alone.
    """
    if data[_PREAMBLE : _PREAMBLE + 4] == _SIGNATURE:
        return True
    if len(data) < 16 or data[:2] not in (b"\x02\x00", b"\x08\x00") or data[3] != 0:
        return False
    if data[4:6].isalpha() and data[4:6].isupper():
        return int.from_bytes(data[6:8], "little") <= _LARGEST_FIRST_VALUE
    return int.from_bytes(data[4:8], "little") <= _LARGEST_FIRST_VALUE


def read_dicom(data: bytes, intensity: str = "stored") -> Film:
    """Return a single-frame DICOM film.

    The stored values go through the Modality LUT or rescale slope and intercept, through the first
    VOI LUT or window (without one, the range of BitsStored is shown), and are inverted where
    MONOCHROME1 or the Presentation LUT Shape says that low means white (DICOM PS3.4, N.2). Padding
    is black. With `intensity="percentiles"` the film's own percentiles, without padding, take the
    window's place.

    Raises:
        DataError: With the bare reason, such as a missing decoder.
    """
    pydicom = _pydicom()
    with _pydicom_errors():
        start, syntax = _beginning(data, pydicom)
        if syntax == _DEFLATED:
            with DECODED.hold(DECODED.num_bytes):  # how much comes out shows only then
                return _film(_inflated(data, start, pydicom), intensity)
        film = pydicom.dcmread(io.BytesIO(data), force=start == 0)
        if "TransferSyntaxUID" not in film.file_meta:
            film.file_meta.TransferSyntaxUID = _plain_syntax(film, pydicom)
        with DECODED.hold(_WORK * check_pixels(film)):
            return _film(film, intensity)


def show_dataset(dataset: Any, intensity: str = "stored") -> Film:
    """Return the film that a pydicom data set holds, as `read_dicom` does; it stays as it is.

    Raises:
        DataError: With the bare reason.
    """
    pydicom = _pydicom()
    with _pydicom_errors():
        film = pydicom.Dataset()  # reading lifts tags and keeps the pixels: not in the caller's own
        film.update(dataset)
        film.set_original_encoding(*dataset.original_encoding)
        film.file_meta = pydicom.dataset.FileMetaDataset(getattr(dataset, "file_meta", {}))
        if "TransferSyntaxUID" not in film.file_meta:
            film.file_meta.TransferSyntaxUID = _plain_syntax(film, pydicom)
        with DECODED.hold(_WORK * check_pixels(film)):
            return _film(film, intensity)


@contextmanager
def _pydicom_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        # pydicom warns of harmless breaches of the standard in a file's text fields
        warnings.simplefilter("ignore")
        try:
            yield
        except DataError:
            raise
        except Exception as error:  # pydicom raises many kinds for damaged files
            raise _damaged(error) from error


def read_tags(data: bytes, keywords: Iterable[str]) -> dict[str, str]:
    """Return the texts of some tags by their keywords, "" where a film lacks one.

    Raises:
        DataError: With the bare reason.
    """
    pydicom = _pydicom()
    with _pydicom_errors():
        start, syntax = _beginning(data, pydicom)
        if syntax == _DEFLATED:
            with DECODED.hold(DECODED.num_bytes):
                film = _inflated(data, start, pydicom)
        else:
            film = pydicom.dcmread(io.BytesIO(data), force=start == 0, stop_before_pixels=True)
        return {name: str(film.get(name) or "").strip()[:_LONGEST] for name in keywords}


def read_patient(data: bytes) -> str:
    """Return whose film it is, as `Film.patient`, without decoding a pixel."""
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
    """Return where the file's meta information begins, and its transfer syntax if it says one."""
    start = _PREAMBLE + 4 if data[_PREAMBLE:][:4] == _SIGNATURE else 0
    if data[start : start + 2] != b"\x02\x00":
        return start, ""
    buffer = io.BytesIO(data)
    buffer.seek(start)
    meta = pydicom.filereader.read_dataset(
        buffer, False, True, stop_when=lambda tag, *_: tag.group != 2
    )
    return start, str(meta.get("TransferSyntaxUID", ""))


def _inflated(data: bytes, start: int, pydicom: Any) -> Any:
    """Return the data set of a deflated file, within the cap."""
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
    check_pixels(film)
    return film


def _plain_syntax(film: Any, pydicom: Any) -> str:
    implicit, little = film.original_encoding  # None of both where it was never in a file
    if implicit:
        return str(pydicom.uid.ImplicitVRLittleEndian)
    big = little is False
    return str(pydicom.uid.ExplicitVRBigEndian if big else pydicom.uid.ExplicitVRLittleEndian)


def _film(film: Any, intensity: str) -> Film:
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
    return Film(shown.image, shown.levels, _patient(film))


def _lift_functional_groups(film: Any) -> None:
    """Copy an enhanced film's rescale and window to where plain films have them."""
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
