"""Where a data set's fitted pixels are read from: a memory map, the files, or arrays."""

import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.resampling import fit
from keras_cxr.data.caching.reading import Record, unpack
from keras_cxr.data.catalog import Catalog
from keras_cxr.data.files.images import grey_image, lung_mask, reason
from keras_cxr.errors import DataError


class Store(Protocol):
    """Random access to images and masks by row of the catalog."""

    def image(self, row: int) -> NDArray[Any]:
        """Return (height, width) uint8 or float32 in [0, 255]; not to be written to."""

    def mask(self, row: int) -> NDArray[np.uint8]:
        """Return (height, width) uint8, 255 in the lungs and 0 elsewhere; 0 without a mask."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """What reading the images of a catalog gave.

    Attributes:
        store: where the fitted pixels are
        records: what each image is like, in the order of the catalog
        folder: the cache folder, which remembers results about them; None without one
        segmented: rows whose lungs the segmenter has looked for: "" where it found them, else
            why it did not
    """

    store: Store
    records: Sequence[Record]
    folder: Path | None = None
    segmented: Mapping[int, str] = field(default_factory=dict)

    @property
    def in_memory(self) -> bool:
        """Whether the images are arrays of the user's."""
        return isinstance(self.store, ArrayStore)


class ArrayStore:
    """Images (and masks) that the user holds in memory."""

    def __init__(self, images: NDArray[Any], masks: NDArray[np.uint8] | None = None) -> None:
        self._images, self._masks = images, masks

    def image(self, row: int) -> NDArray[Any]:
        """See `Store`."""
        return np.asarray(self._images[row])

    def mask(self, row: int) -> NDArray[np.uint8]:
        """See `Store`."""
        if self._masks is None:
            return np.zeros(self._images.shape[1:3], np.uint8)
        return np.asarray(self._masks[row])


class FileStore:
    """Decodes a file whenever it is asked for; `cache=False`."""

    def __init__(
        self,
        catalog: Catalog,
        image_size: tuple[int, int],
        records: Sequence[Record],
        *,
        intensity: str = "stored",
    ) -> None:
        self._catalog, self._image_size, self._records = catalog, image_size, records
        self._intensity = intensity

    def image(self, row: int) -> NDArray[np.uint8]:
        """See `Store`."""
        return self._read(
            self._catalog.entries[row].file,
            lambda path: fit(grey_image(path, self._intensity), self._image_size),
        )

    def mask(self, row: int) -> NDArray[np.uint8]:
        """See `Store`."""
        if self._records[row].mask_checksum < 0:
            return np.zeros(self._image_size, np.uint8)
        return self._read(
            self._catalog.entries[row].mask,
            lambda path: lung_mask(path, self._image_size) * np.uint8(255),
        )

    def _read(self, file: str, read: Callable[[str], NDArray[Any]]) -> NDArray[np.uint8]:
        path = self._catalog.path(file)
        try:
            return read(path)
        except (DataError, OSError) as error:
            raise DataError(
                f"{path} has changed since the data set was made: {reason(error)}"
            ) from error


class MappedStore:
    """Reads the cache's memory maps; checks every row's checksum the first time it is read.

    A row whose checksum differs is decoded from its file instead, and `on_damage` is called once,
    so that the next call rebuilds the cache.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        masks: NDArray[np.uint8] | None,
        records: Sequence[Record],
        *,
        files: FileStore,
        on_damage: Callable[[], None],
        open_again: Callable[[], tuple[NDArray[np.uint8], NDArray[np.uint8] | None]],
    ) -> None:
        self._images, self._masks, self._records = images, masks, records
        self._files, self._on_damage, self._open_again = files, on_damage, open_again
        self._image_good = np.zeros(len(records), bool)
        self._mask_good = np.zeros(len(records), bool)
        self._lock = threading.Lock()
        self._reported = False

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the memory maps: the process that gets this opens them again."""
        left_out = ("_images", "_masks", "_lock")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the memory maps.

        Raises:
            DataError: the cache is gone.
        """
        vars(self).update(state)
        self._lock = threading.Lock()
        self._images, self._masks = self._open_again()

    def image(self, row: int) -> NDArray[np.uint8]:
        """See `Store`."""
        image = self._images[row]
        if not self._image_good[row]:
            if zlib.crc32(image.data) != self._records[row].checksum:
                self._report_damage()
                return self._files.image(row)
            self._image_good[row] = True
        return image

    def mask(self, row: int) -> NDArray[np.uint8]:
        """See `Store`."""
        if self._masks is None or self._records[row].mask_checksum < 0:
            return np.zeros(self._images.shape[1:], np.uint8)
        bits = self._masks[row]
        if not self._mask_good[row]:
            if zlib.crc32(bits.data) != self._records[row].mask_checksum:
                self._report_damage()
                return self._files.mask(row)
            self._mask_good[row] = True
        return unpack(bits, (self._images.shape[1], self._images.shape[2]))

    def _report_damage(self) -> None:
        with self._lock:
            if not self._reported:
                self._reported = True
                self._on_damage()
