"""The one pass over a data set: every file is decoded once, checked and fitted to size."""

import os
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.progress import progress_bar
from keras_cxr._support.resampling import fit
from keras_cxr._support.threads import in_threads
from keras_cxr.data.catalog import Catalog, Entry
from keras_cxr.data.files.dicom import DICOM_EXTRA, read_patient
from keras_cxr.data.files.images import file_bytes, grey_film, lung_mask, reason
from keras_cxr.data.files.intensity import is_narrow
from keras_cxr.errors import DataError

_CHUNK = 32

Picture = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]
Sink = Callable[[int, NDArray[np.uint8], NDArray[np.uint8] | None], None]


class Record(NamedTuple):
    """What the pass learnt of one image; the checksums are CRC-32 of its fitted pixels.

    `error` and `mask_error` are "" for good files. `denied` marks images and masks that could
    not be opened, or for which a package is missing, which may become readable without any change
    of size or time. A mask checksum of -1 means that there is no good mask. `narrow` marks films
    that use little of their range (`intensity.NARROW`); `patient` is "1", "2", ... in the order in
    which the patients of DICOM films first come, and "" where none is named.
    """

    error: str = ""
    denied: bool = False
    mask_error: str = ""
    checksum: int = 0
    mask_checksum: int = -1
    narrow: bool = False
    patient: str = ""


class Reused(NamedTuple):
    """What an earlier cache knows of an entry and still holds; no picture where it was bad."""

    record: Record
    picture: Picture | None


def read_all(
    catalog: Catalog,
    image_size: tuple[int, int],
    *,
    intensity: str = "stored",
    sink: Sink | None = None,
    earlier: Callable[[Entry], Reused | None] | None = None,
    verbose: bool | str = "auto",
) -> list[Record]:
    """Return a `Record` per entry, in order; good pixels go to `sink(row, image, mask)`.

    Args:
        catalog: what to read.
        image_size: (height, width) to fit images and masks to.
        intensity: As `read_image` takes it.
        sink: called from several threads with (height, width) uint8 images and their masks
            as packed bits, or None where there is no good mask.
        earlier: looks up what need not be read again.
        verbose: True shows a progress bar on stderr, "auto" only in a terminal.
    """
    entries = catalog.entries

    def read(row: int) -> Record:
        known = earlier(entries[row]) if earlier is not None else None
        if known is not None and known.record.patient:
            patient = _patient(catalog.path(entries[row].file))
            known = known._replace(record=known.record._replace(patient=patient))
        record, picture = known or read_entry(
            catalog, entries[row], image_size, intensity=intensity
        )
        if picture is not None and sink is not None:
            sink(row, *picture)
        return record

    workers = min(32, os.cpu_count() or 1)  # nothing else works meanwhile
    records = []
    with progress_bar(len(entries), "Reading images", verbose) as advance:
        for record in in_threads(read, range(len(entries)), chunk=_CHUNK, workers=workers):
            records.append(record)
            advance(1)
    return _numbered(records)


def read_entry(
    catalog: Catalog, entry: Entry, image_size: tuple[int, int], *, intensity: str = "stored"
) -> tuple[Record, Picture | None]:
    """Return what one entry's files hold; the picture is None where the image is bad."""
    mask, mask_error, denied = None, "", False
    if entry.mask:
        try:
            mask = np.packbits(lung_mask(catalog.path(entry.mask), image_size))
        except (DataError, OSError) as error:
            mask_error, denied = reason(error), isinstance(error, OSError)
    try:
        with file_bytes(catalog.path(entry.file)) as data:
            film = grey_film(data, intensity)
        image = np.ascontiguousarray(fit(film.image, image_size))
    except (DataError, OSError) as error:
        text = reason(error)
        denied = denied or isinstance(error, OSError) or DICOM_EXTRA in text
        return Record(text, denied, mask_error), None
    record = Record(
        denied=denied,
        mask_error=mask_error,
        checksum=zlib.crc32(image.data),
        mask_checksum=-1 if mask is None else zlib.crc32(mask.data),
        narrow=is_narrow(image),
        patient=film.patient,
    )
    return record, (image, mask)


def _patient(path: str) -> str:
    """Return whose DICOM film a file is, as `Film.patient`."""
    try:
        with file_bytes(path) as data:
            return read_patient(data)
    except (DataError, OSError):  # gone meanwhile: told where it is needed
        return ""


def _numbered(records: list[Record]) -> list[Record]:
    """Return records whose patients are numbers, which mean nothing outside of this data set."""
    numbers: dict[str, str] = {}
    for record in records:
        if record.patient:
            numbers.setdefault(record.patient, str(len(numbers) + 1))
    if not numbers:
        return records
    return [one._replace(patient=numbers.get(one.patient, "")) for one in records]


def unpack(bits: NDArray[np.uint8], image_size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a packed mask as (height, width) uint8, 255 inside and 0 outside."""
    count = image_size[0] * image_size[1]
    return (np.unpackbits(bits, count=count) * np.uint8(255)).reshape(image_size)
