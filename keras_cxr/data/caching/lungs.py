"""Lung masks that the segmenter finds where no file holds any, kept beside the cached pixels."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.archives import ArchiveError, read_npz
from keras_cxr._support.disk.files import whole_file, writing_to
from keras_cxr._support.progress import progress_bar
from keras_cxr.data.caching.reading import Record, unpack
from keras_cxr.data.caching.store import Pixels, Store
from keras_cxr.data.catalog import Catalog

if TYPE_CHECKING:
    from keras_cxr.segmentation import LungSegmenter

MASK_SOURCES = ("auto", "files", "segment")

SEGMENTED = "segmented"
"""What a table names as the mask of an image in place of a file."""

_BATCH_SIZE = 32
_NOT_FOUND = b""


class _Found(NamedTuple):
    """What the segmenter found on one picture: packed bits, `_NOT_FOUND` where there are none."""

    bits: bytes
    reason: str


class SegmentedStore:
    """A store whose masks are those that were found, for the rows that have one."""

    def __init__(
        self, store: Store, bits: Mapping[int, bytes], image_size: tuple[int, int]
    ) -> None:
        self._store, self._bits, self._image_size = store, bits, image_size

    def image(self, row: int) -> NDArray[Any]:
        """See `Store`."""
        return self._store.image(row)

    def mask(self, row: int) -> NDArray[np.uint8]:
        """See `Store`."""
        if row in self._bits:
            return unpack(np.frombuffer(self._bits[row], np.uint8), self._image_size)
        return self._store.mask(row)


def rows_to_segment(
    catalog: Catalog, records: Sequence[Record], *, masks: str, region: str
) -> list[int]:
    """Return the rows whose lungs the segmenter shall find.

    Args:
        catalog: the images.
        records: what reading each of them told; unreadable ones are passed over.
        masks: "segment" for every image; "auto" for those without a mask file, where the region
            needs masks; "files" for none.
        region: of the images.
    """
    if masks == "files" or (masks == "auto" and region == "full"):
        return []
    every = masks == "segment"
    return [
        row
        for row, (entry, record) in enumerate(zip(catalog.entries, records, strict=True))
        if not record.error and (every or not entry.mask)
    ]


def with_found_lungs(
    pixels: Pixels, rows: Sequence[int], image_size: tuple[int, int], *, verbose: bool | str
) -> Pixels:
    """Return the pixels with the lungs that the segmenter finds on the pictures of these rows.

    What was found once for a picture and these weights is read from the cache folder, where there
    is one. A row of `pixels.segmented` says why there is no mask, or "".

    Raises:
        OutputError: The cache folder cannot be written; the text says what to do.
    """
    if not rows:
        return pixels
    from keras_cxr.segmentation import LungSegmenter

    segmenter = LungSegmenter()
    file = None if pixels.folder is None else pixels.folder / f"lungs-{_digest(segmenter)}.npz"
    known = {} if file is None else _read(file)
    checksums = {row: pixels.records[row].checksum for row in rows}
    todo = [row for row in rows if checksums[row] not in known]
    for row, found in zip(todo, _search(pixels.store, todo, segmenter, verbose), strict=True):
        known[checksums[row]] = found
    if file is not None and todo:
        with writing_to(file.parent):
            _write(file, known)
    bits, records = {}, list(pixels.records)
    for row in rows:
        found = known[checksums[row]]
        checksum = -1
        if found.bits != _NOT_FOUND:
            bits[row], checksum = found.bits, zlib.crc32(found.bits)
        records[row] = records[row]._replace(mask_checksum=checksum, mask_error="")
    return replace(
        pixels,
        store=SegmentedStore(pixels.store, bits, image_size),
        records=records,
        segmented={row: known[checksums[row]].reason for row in rows},
    )


def _search(
    store: Store, rows: Sequence[int], segmenter: "LungSegmenter", verbose: bool | str
) -> Iterator[_Found]:
    with progress_bar(len(rows), "Finding lungs", verbose) as advance:
        for start in range(0, len(rows), _BATCH_SIZE):
            chunk = rows[start : start + _BATCH_SIZE]
            lungs = segmenter.find(np.stack([store.image(row) for row in chunk]))
            for mask, found, reason in zip(lungs.masks, lungs.found, lungs.reasons, strict=True):
                yield _Found(np.packbits(mask).tobytes() if found else _NOT_FOUND, reason)
            advance(len(chunk))


def _digest(segmenter: "LungSegmenter") -> str:
    """Return what tells one segmenter's weights from another's."""
    told = hashlib.sha256()
    for weight in segmenter.model.get_weights():
        told.update(np.ascontiguousarray(weight).tobytes())
    return told.hexdigest()[:12]


def _read(file: Path) -> dict[int, _Found]:
    """Return what was found earlier, by the pictures' checksums; a damaged file is made again."""
    try:
        held = read_npz(file, {"checksums": "i", "found": "b", "bits": "u", "reasons": "U"})
    except ArchiveError:
        return {}
    bits = iter(held["bits"])
    return {
        int(checksum): _Found(next(bits).tobytes() if found else _NOT_FOUND, str(reason))
        for checksum, found, reason in zip(
            held["checksums"], held["found"], held["reasons"], strict=True
        )
    }


def _write(file: Path, known: Mapping[int, _Found]) -> None:
    found = [one.bits != _NOT_FOUND for one in known.values()]
    bits = [np.frombuffer(one.bits, np.uint8) for one in known.values() if one.bits]
    with whole_file(file) as temporary:
        np.savez_compressed(
            temporary,
            checksums=np.array(list(known), np.int64),
            found=np.array(found, bool),
            bits=np.stack(bits) if bits else np.zeros((0, 0), np.uint8),
            reasons=np.array([one.reason for one in known.values()], np.str_),
        )
