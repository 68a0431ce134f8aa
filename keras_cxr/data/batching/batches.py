"""The batches of one part of a data set, by number: drawn, masked, moved, and float at last."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_cxr.data.batching.augment import Augmentation, warp
from keras_cxr.data.caching.store import Store
from keras_cxr.data.draws import shuffled
from keras_cxr.errors import InvalidArgumentError

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
REGIONS = ("full", "lungs", "outside")
Transform = Callable[[NDArray[Any], NDArray[np.uint8]], NDArray[Any]]


def balanced_weights(labels: NDArray[np.int64], num_classes: int) -> dict[int, float]:
    """Return n / (k n_class) for each class index, of (n,) labels; 0 for classes without any.

    k is the number of classes that the labels hold.
    """
    counts = np.bincount(labels, minlength=num_classes)
    total = len(labels) / np.count_nonzero(counts)
    return {index: float(total / n) if n else 0.0 for index, n in enumerate(counts)}


@dataclass(frozen=True, eq=False)
class Batches:
    """Random access to batches; any order of access, in any number of threads, gives the same.

    Attributes:
        store: where the pixels lie.
        rows: (n,) int64, the part's rows in the store, in the order of the table.
        labels: (n,) int64 class indices.
        keys: (n,) uint64, one per image, from its file's name.
        image_size: (height, width).
        channels: 1, or 3 for the grey value three times.
        num_classes: length of the one-hot labels.
        batch_size: images per batch; the last one holds what is left.
        region: "full", "lungs" or "outside".
        shuffle: whether the order is drawn anew in every epoch.
        augmentation: how images are moved, or None.
        transform: what is done to each image and its mask before it is moved, or None.
        seed: enters every draw.
        epoch: enters every draw.
    """

    store: Store
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    keys: NDArray[np.uint64]
    image_size: tuple[int, int]
    channels: int
    num_classes: int
    batch_size: int
    region: str = "full"
    shuffle: bool = False
    augmentation: Augmentation | None = None
    transform: Transform | None = None
    seed: int = 0
    epoch: int = 0

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index`: (b, h, w, c) float32 in [0, 255] and (b, k) float32 one-hot."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        start = index * self.batch_size
        chosen = self.order[start : start + self.batch_size]
        images = self.images(chosen, augmentation=self.augmentation)
        one_hot = np.zeros((len(chosen), self.num_classes), np.float32)
        one_hot[np.arange(len(chosen)), self.labels[chosen]] = 1.0
        return images, one_hot

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """(n,) int64: the place in the table of each image, in this epoch's order."""
        if self.shuffle:
            return shuffled(self.keys, seed=self.seed, epoch=self.epoch)
        return np.arange(len(self.rows))

    def at_epoch(self, epoch: int) -> "Batches":
        """Return the same part as drawn for another epoch."""
        return replace(self, epoch=epoch)

    def places(self, indices: ArrayLike | None, part: str) -> NDArray[np.int64]:
        """Return (m,) int64 places in the table that a user chose, all for None.

        Raises:
            InvalidArgumentError: They are no integers, or `part` has no such place.
        """
        count = len(self.rows)
        chosen = np.arange(count) if indices is None else np.atleast_1d(np.asarray(indices))
        if chosen.size == 0:
            return np.zeros(0, np.int64)
        if not np.issubdtype(chosen.dtype, np.integer) or chosen.ndim != 1:
            raise InvalidArgumentError(f"indices must be integers, received {indices!r}")
        if chosen.min() < 0 or chosen.max() >= count:
            raise InvalidArgumentError(
                f"indices must lie in 0 to {count - 1} for part {part!r}, received "
                f"{chosen.min()} to {chosen.max()}"
            )
        return chosen.astype(np.int64)

    def images(
        self, chosen: NDArray[np.int64], *, augmentation: Augmentation | None = None
    ) -> NDArray[np.float32]:
        """Return (b, h, w, c) float32 in [0, 255] of the chosen places in the table."""
        matrices = None
        if augmentation is not None and not augmentation.is_identity:
            matrices = augmentation.matrices(
                self.keys[chosen], self.image_size, seed=self.seed, epoch=self.epoch
            )
        batch = np.empty((len(chosen), *self.image_size, self.channels), np.float32)
        for place, row in enumerate(self.rows[chosen]):
            image = self.altered_image(row)
            if matrices is not None and augmentation is not None:
                image = warp(image, matrices[place], fill_mode=augmentation.fill_mode)
            batch[place] = image[..., np.newaxis]
        return batch

    def masks(self, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return (b, h, w) bool lung masks of the chosen places in the table."""
        masks = np.zeros((len(chosen), *self.image_size), bool)
        for place, row in enumerate(self.rows[chosen]):
            masks[place] = self.store.mask(row) > 0
        return masks

    def altered_image(self, row: int) -> NDArray[Any]:
        """Return (h, w) of a row of the store, uint8 or float32: cut, transformed, not moved."""
        image = self.store.image(row)
        if self.region != "full":
            image = self._cut(image, row)
        if self.transform is not None:
            image = image.view()
            image.flags.writeable = False  # it may be the user's own array
            image = np.asarray(self.transform(image, self.store.mask(row)))
        return image

    def _cut(self, image: NDArray[Any], row: int) -> NDArray[Any]:
        mask = self.store.mask(row)
        if self.region == "outside":
            mask = np.bitwise_not(mask)
        if image.dtype == np.uint8:
            return np.asarray(cv2.bitwise_and(image, mask))
        return np.where(mask > 0, image, image.dtype.type(0))
