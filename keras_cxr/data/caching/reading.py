"""The one pass over a data set: every file is decoded once, checked and fitted to size."""

import os
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.catalog import Catalog, Entry
from keras_cxr.data.files.formats import DICOM_EXTRA
from keras_cxr.data.files.images import file_bytes, fit, grey_film, lung_mask, reason
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
    """Returns a `Record` per entry, in order; good pixels go to `sink(row, image, mask)`.

    Args:
        catalog: What to read.
        image_size: (height, width) to fit images and masks to.
        intensity: As `read_image` takes it.
        sink: Called from several threads with (height, width) uint8 images and their masks
            as packed bits, or None where there is no good mask.
        earlier: Looks up what need not be read again.
        verbose: True shows a progress bar on stderr, "auto" only in a terminal.
    """
    entries = catalog.entries
    stop = threading.Event()

    def read_rows(rows: range) -> list[Record]:
        records = []
        for row in rows:
            if stop.is_set():
                break
            known = earlier(entries[row]) if earlier is not None else None
            if known is not None and known.record.patient:
                patient = _patient(catalog.path(entries[row].file))
                known = known._replace(record=known.record._replace(patient=patient))
            record, picture = known or read_entry(
                catalog, entries[row], image_size, intensity=intensity
            )
            if picture is not None and sink is not None:
                sink(row, *picture)
            records.append(record)
        return records

    chunks = [
        range(start, min(start + _CHUNK, len(entries))) for start in range(0, len(entries), _CHUNK)
    ]
    with one_thread_in_opencv(), progress(len(entries), "Reading images", verbose) as advance:
        return _numbered(_in_threads(read_rows, chunks, advance, stop))


def read_entry(
    catalog: Catalog, entry: Entry, image_size: tuple[int, int], *, intensity: str = "stored"
) -> tuple[Record, Picture | None]:
    """Returns what one entry's files hold; the picture is None where the image is bad."""
    # a damaged file may make a decoder raise nearly anything: it then is a bad file, not a crash
    mask, mask_error, denied = None, "", False
    if entry.mask:
        try:
            mask = np.packbits(lung_mask(catalog.path(entry.mask), image_size))
        except Exception as error:
            mask_error, denied = reason(error), isinstance(error, OSError)
    try:
        with file_bytes(catalog.path(entry.file)) as data:
            film = grey_film(data, intensity)
        image = np.ascontiguousarray(fit(film.image, image_size))
    except Exception as error:
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
    """Returns whose DICOM film a file is, as `Film.patient`."""
    from keras_cxr.data.files.dicom import read_patient

    try:
        with file_bytes(path) as data:
            return read_patient(data)
    except (DataError, OSError):  # gone meanwhile: told where it is needed
        return ""


def _numbered(records: list[Record]) -> list[Record]:
    """Returns records whose patients are numbers, which mean nothing outside of this data set."""
    numbers: dict[str, str] = {}
    for record in records:
        if record.patient:
            numbers.setdefault(record.patient, str(len(numbers) + 1))
    if not numbers:
        return records
    return [one._replace(patient=numbers.get(one.patient, "")) for one in records]


def unpack(bits: NDArray[np.uint8], image_size: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns a packed mask as (height, width) uint8, 255 inside and 0 outside."""
    count = image_size[0] * image_size[1]
    return (np.unpackbits(bits, count=count) * np.uint8(255)).reshape(image_size)


def _in_threads(
    work: Callable[[range], list[Record]],
    chunks: Sequence[range],
    advance: Callable[[int], None],
    stop: threading.Event,
) -> list[Record]:
    workers = min(32, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="keras-cxr-read")
    futures: list[Future[list[Record]]] = []
    try:
        futures = [pool.submit(work, chunk) for chunk in chunks]
        records: list[Record] = []
        for future in futures:
            done = future.result()
            records += done
            advance(len(done))
        return records
    finally:
        # on Ctrl-C the images that have begun end before the caller removes their file
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_thread_in_opencv() -> Iterator[None]:
    """Keeps OpenCV to one thread in a pool that fills the cores already."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def progress(total: int, text: str, verbose: bool | str) -> Iterator[Callable[[int], None]]:
    """Shows a bar on stderr while the block runs and yields what advances it."""
    if not (verbose is True or (verbose == "auto" and sys.stderr.isatty())):
        with nullcontext():
            yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(text, total=total)
        yield lambda count: bar.advance(task, count)
