"""The files of one image cache: an index with its own checksum, and plain arrays beside it."""

import errno
import hashlib
import os
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.documents import Document, FormError, Range, Text, rows_fit
from keras_cxr._support.disk.files import write_whole
from keras_cxr._support.disk.jsonable import to_json
from keras_cxr.data.caching.reading import Record, Reused
from keras_cxr.data.catalog import Entry, collector_paused

SCHEMA_VERSION = 2  # raised whenever the same files would give other pixels or records
INDEX_NAME = "index.json"

Signature = tuple[str, int, int, str, int, int]

_OUTDATED = tuple(f'{{"schema_version":{number},'.encode() for number in range(1, SCHEMA_VERSION))


def _other_rows(content: dict[str, Any]) -> str:
    signatures, records = content["signatures"], content["records"]
    fit = rows_fit(signatures, (str, int, int, str, int, int))
    fit &= rows_fit(records, (str, bool, str, int, int, bool, str)) and len(signatures) == len(
        records
    )
    return "" if fit else "has rows of another form"


_INDEX = Document(
    what="the index of an image cache",
    form={
        "source": str,
        "image_size": [Range(1, 2**16, whole=True), Range(1, 2**16, whole=True)],
        "images": Text(r"pixels-[0-9a-f]+\.u8", "a file of pixels"),
        "masks": Text(r"(masks-[0-9a-f]+\.bits)?", "a file of masks"),
        "signatures": list,
        "records": list,
    },
    remedy="It is rebuilt.",
    version=SCHEMA_VERSION,
    rule=_other_rows,
)


@dataclass(frozen=True)
class Index:
    """What a cache holds. `masks` is "" where no image has a mask file.

    `signatures` and `records` have one item per image, in the order of the rows.
    """

    source: str
    image_size: tuple[int, int]
    images: str
    masks: str
    signatures: list[Signature]
    records: list[Record]

    def describes(self, entries: Sequence[Entry]) -> bool:
        """Return whether these are the index's files, unchanged and in the same order."""
        # one by one: a list of tuples would wake the garbage collector (`collector_paused`)
        return len(entries) == len(self.signatures) and all(
            signature(entry) == known for entry, known in zip(entries, self.signatures, strict=True)
        )


class DamagedError(Exception):
    """An index, or a file that it names, cannot be trusted; the text says why."""


class OutdatedError(DamagedError):
    """An index is whole, but an earlier release wrote it, which read some files otherwise."""


def signature(entry: Entry) -> Signature:
    """Return what must stay the same for a cached row to hold."""
    return entry.file, entry.size, entry.time, entry.mask, entry.mask_size, entry.mask_time


def read_index(folder: Path) -> Index:
    """Return the index of a cache folder.

    Raises:
        FileNotFoundError: There is none.
        OutdatedError: An earlier release wrote it.
        DamagedError: It is not what `write_index` wrote, or of a later version.
    """
    try:
        digest, _, body = (folder / INDEX_NAME).read_bytes().partition(b"\n")
    except IsADirectoryError as error:
        raise DamagedError("its index is a folder") from error
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise DamagedError("its index does not match its checksum")
    if body.startswith(_OUTDATED):
        raise OutdatedError("an earlier release wrote its index")
    with collector_paused():
        try:
            content = _INDEX.parse(body)
        except FormError as error:
            raise DamagedError(f"its index {error}") from error
        return Index(
            content["source"],
            tuple(content["image_size"]),
            content["images"],
            content["masks"],
            [tuple(item) for item in content["signatures"]],
            [Record(*item) for item in content["records"]],
        )


def write_index(folder: Path, index: Index) -> None:
    """Replace the index."""
    content = {"schema_version": SCHEMA_VERSION, **index.__dict__}
    body = to_json(content, indent=None).encode()
    write_whole(folder / INDEX_NAME, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def shapes(count: int, image_size: tuple[int, int]) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Return the shapes of the image array and of the array of packed masks."""
    height, width = image_size
    return (count, height, width), (count, (height * width + 7) // 8)


def open_arrays(folder: Path, index: Index) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Return read-only memory maps of the images and masks.

    Raises:
        DamagedError: A file is missing or of another length than the index says.
    """
    image_shape, mask_shape = shapes(len(index.records), index.image_size)
    images = _open_array(folder / index.images, image_shape)
    return images, _open_array(folder / index.masks, mask_shape) if index.masks else None


def _open_array(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    expected = int(np.prod(shape))
    try:
        received = path.stat().st_size
    except FileNotFoundError as error:
        raise DamagedError(f"{path.name} is missing") from error
    if received != expected:
        raise DamagedError(f"{path.name} has {received:,} bytes instead of {expected:,}")
    # a plain array over the map: memmap's own indexing costs ten times as much
    return np.asarray(np.memmap(path, np.uint8, "r", shape=shape)).view(np.ndarray)


def create_array(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a writable memory map whose room on disk is reserved.

    Without the reservation a full disk would end the process by a signal in the middle of an
    assignment.

    Raises:
        OSError: There is no room, or no right to write.
    """
    size = int(np.prod(shape))
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        elif shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return np.memmap(path, np.uint8, "r+", shape=shape)


class Earlier:
    """Looks up rows of a stale cache whose files have not changed."""

    def __init__(self, folder: Path, index: Index) -> None:
        self._images, self._masks = open_arrays(folder, index)
        self._records = index.records
        self._rows = {item: row for row, item in enumerate(index.signatures)}

    def __contains__(self, entry: Entry) -> bool:
        return signature(entry) in self._rows

    def __call__(self, entry: Entry) -> Reused | None:
        """Return the earlier pixels of an entry, or None where they do not hold any more."""
        row = self._rows.get(signature(entry))
        if row is None:
            return None
        record = self._records[row]
        if record.error:
            return Reused(record, None)
        image, mask = self._images[row], None
        if zlib.crc32(image.data) != record.checksum:
            return None
        if self._masks is not None and entry.mask and not record.mask_error:
            mask = self._masks[row]
            if zlib.crc32(mask.data) != record.mask_checksum:
                return None
        return Reused(record, (image, mask))
