"""`Datasets`: what `make_datasets` returns and what training, evaluation and maps take."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.checks import check_integer
from keras_cxr._support.text.names import name_bytes
from keras_cxr.data.altered import alter, check_part, transform_name
from keras_cxr.data.batching.batches import Batches, Transform, balanced_weights
from keras_cxr.data.catalog import PARTS
from keras_cxr.data.files.images import COLOR_MODES
from keras_cxr.data.splitting.parts import Copies
from keras_cxr.data.summary import summarize
from keras_cxr.errors import InvalidArgumentError


@dataclass(frozen=True, eq=False, repr=False)
class Datasets:
    """Training, validation and test images with their classes; made by `make_datasets`.

    Iterating over a part yields (images, labels): (b, h, w, c) float32 in [0, 255] and (b, k)
    float32 one-hot. Iteration is finite and gives the same every time; no rest is dropped.

    Attributes:
        train: batches of the training part, shuffled and augmented as drawn for `epoch`.
        val: batches of the validation part in the order of `table`; None if its share is 0.
        test: batches of the test part in the order of `table`; None if its share is 0.
        class_names: the classes by index, sorted by name.
        class_weight: for each class index n / (k n_class), counted in the training part.
        table: one row per image with columns file, class, part ("train", "val" or "test"),
            group and mask; "" where there is no group or mask.
        root: the folder that `table`'s paths are relative to; None for arrays.
        image_size: (height, width).
        color_mode: "grayscale" or "rgb".
        intensity: "stored" or "percentiles": how files became grey.
        region: "full", "lungs" or "outside".
        batch_size: images per batch.
        augment: whether training images are moved.
        seed: what split, order and augmentation are drawn from.
        format: "tf" or "keras".
        layout: how the files were found, in words.
        notes: what is worth knowing, such as files that were left out.
        copies: what copies do to the split; None where they were not looked for.
        epoch: the epoch that `train` is drawn for.
        cache_folder: where the images are cached, for further results about them; None for arrays
            and without a cache.
    """

    train: Any
    val: Any
    test: Any
    class_names: tuple[str, ...]
    class_weight: dict[int, float]
    table: pd.DataFrame
    root: Path | None
    image_size: tuple[int, int]
    color_mode: str
    region: str
    batch_size: int
    augment: bool
    seed: int
    format: str
    layout: str
    notes: tuple[str, ...] = ()
    copies: Copies | None = None
    epoch: int = 0
    intensity: str = "stored"
    cache_folder: Path | None = None
    _parts: Mapping[str, Batches] = field(default_factory=dict)
    _wrap: Callable[[Batches], Any] = field(default=iter)
    _checksums: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the parts' pipelines, which no process can hand to another."""
        present = [part for part in PARTS if getattr(self, part) is not None]
        kept = {name: value for name, value in vars(self).items() if name not in PARTS}
        return {**kept, "_present": present}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the pipelines again from the parts' batches."""
        present = state.pop("_present")
        vars(self).update(state)
        for part in PARTS:
            made = self._wrap(self._parts[part]) if part in present else None
            vars(self)[part] = made

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one image, as builders take it."""
        return (*self.image_size, COLOR_MODES[self.color_mode])

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @cached_property
    def summary(self) -> str:
        """What the data set holds, as text for people."""
        height, width, channels = self.input_shape
        moved = "augmented" if self.augment else "not augmented"
        head = (
            f" in {self.root}" if self.root is not None else "",
            f"layout: {self.layout}",
            f"images: {height} x {width} x {channels}, region {self.region}, training part "
            f"{moved}, batches of {self.batch_size}, seed {self.seed}",
        )
        weights = {name: self.class_weight[index] for index, name in enumerate(self.class_names)}
        return summarize(self.table, weights, head=head, notes=self.notes)

    def __str__(self) -> str:
        return self.summary

    def __repr__(self) -> str:
        counts = ", ".join(f"{part}={len(self.files(part))}" for part in self._parts)
        return f"Datasets({counts}, classes={list(self.class_names)}, layout={self.layout!r})"

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal hash of pixels, files, classes, parts and every option that matters."""
        content = self._checksums * (1, self.region != "full")  # of pixels and masks
        digest = hashlib.sha256(hashlib.sha256(content.tobytes()).digest())
        rows = self.table[["file", "class", "part"]].itertuples(index=False)
        digest.update(name_bytes("\n".join("\t".join(row) for row in rows)))
        augmentation = self._parts["train"].augmentation
        options = (self.class_names, self.input_shape, self.region, self.batch_size, self.seed)
        digest.update(repr((options, augmentation)).encode())
        transform = self._parts["train"].transform
        if transform is not None:
            digest.update(transform_name(transform).encode())
        return digest.hexdigest()

    def at_epoch(self, epoch: int) -> "Datasets":
        """Return the same data sets with `train` as drawn for `epoch`; nothing is read again.

        Raises:
            InvalidArgumentError: `epoch` is negative or not an integer.
        """
        epoch = check_integer("epoch", epoch, least=0)
        batches = self._parts["train"].at_epoch(epoch)
        parts = {**self._parts, "train": batches}
        return replace(self, epoch=epoch, train=self._wrap(batches), _parts=parts)

    def altered(
        self,
        *,
        region: str | None = None,
        transform: Transform | None = None,
        labels: Mapping[str, ArrayLike] | None = None,
    ) -> "Datasets":
        """Return the same images, split and order with other pixels or labels.

        Nothing is read or split again, so that a model trained on this differs from another one
        by what was altered alone. The fingerprint follows. What is None stays as it is.

        Args:
            region: "full", "lungs" or "outside"; the last two need a mask for every image.
            transform: a function at the top of a module, called in several threads with an image,
                (h, w) uint8 or float32 in [0, 255] and not to be written to, and its lung mask,
                (h, w) uint8, 255 in the lungs and 0 elsewhere (all 0 without a mask). It returns
                (h, w) uint8 or float32 in [0, 255]. The region is cut out before it, training
                images are moved after it. A saved model does not know of it.
            labels: by part, (n,) integer class indices in the order of `files`; `table` and
                `class_weight` follow.

        Raises:
            DataError: The region needs masks that are missing.
            InvalidArgumentError: An argument has a value that cannot work.

        Examples:
            >>> from keras_cxr import make_datasets, make_phantoms
            >>> folder = make_phantoms("phantoms-to-alter", images_per_class=10)
            >>> datasets = make_datasets(folder, image_size=(64, 64))
            >>> datasets.altered(region="outside").region
            'outside'
            >>> held = datasets.table[datasets.table["part"] == "train"]
            >>> indices = [datasets.class_names.index(name) for name in held["class"]]
            >>> shuffled = np.random.default_rng(0).permutation(indices)
            >>> chance = datasets.altered(labels={"train": shuffled})
        """
        changes: dict[str, Any] = {"region": region, "transform": transform, "labels": labels}
        parts, table, notes = alter(self._parts, self.table, self.class_names, **changes)
        return self._with_parts(
            parts, table=table, region=region or self.region, notes=(*self.notes, *notes)
        )

    def files(self, part: str) -> list[str]:
        """Return the files of a part in the order of `table` ("val" and "test" yield it)."""
        check_part(part, self._parts)
        return [str(file) for file in self.table["file"][self.table["part"] == part]]

    def order(self, part: str) -> NDArray[np.int64]:
        """Return (n,) int64: the places in `files` of the images, as this epoch's batches go.

        Raises:
            InvalidArgumentError: There is no such part.
        """
        check_part(part, self._parts)
        return self._parts[part].order

    def identity(self, part: str) -> list[Any]:
        """Return all that the pictures of `load(part)` depend on, as JSON holds it.

        Two data sets with equal identities load equal pictures, whatever their files, batches and
        labels.

        Raises:
            InvalidArgumentError: There is no such part.
        """
        check_part(part, self._parts)
        transform = self._parts[part].transform
        named = None if transform is None else transform_name(transform)
        needs_masks = self.region != "full" or named is not None
        checksums = self._checksums[self.table["part"] == part] * (1, needs_masks)
        return [self.input_shape, self.intensity, self.region, named, checksums.tolist()]

    def load(
        self, part: str, indices: ArrayLike | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return images as a model sees them, never augmented, in the order of `files`.

        Args:
            part: "train", "val" or "test".
            indices: which of the part's files; None means all, in memory at once.

        Returns:
            (n, h, w, c) float32 in [0, 255] and (n,) int64 class indices.

        Raises:
            InvalidArgumentError: There is no such part or index.
        """
        batches, chosen = self._choose(part, indices)
        return batches.images(chosen), batches.labels[chosen]

    def load_masks(self, part: str, indices: ArrayLike | None = None) -> NDArray[np.bool_] | None:
        """Return (n, h, w) bool lung masks, or None when the data set has none.

        Images without a mask of their own get an empty one.

        Raises:
            InvalidArgumentError: There is no such part or index.
        """
        batches, chosen = self._choose(part, indices)
        if not (self.table["mask"] != "").any():
            return None
        return batches.masks(chosen)

    def _with_parts(self, parts: Mapping[str, Batches], **changes: Any) -> "Datasets":
        """Return a copy whose parts are these batches, with what follows from them."""
        train, val, test = (self._wrap(parts[part]) if part in parts else None for part in PARTS)
        return replace(
            self,
            train=train,
            val=val,
            test=test,
            class_weight=balanced_weights(parts["train"].labels, self.num_classes),
            _parts=parts,
            **changes,
        )

    def _choose(self, part: str, indices: ArrayLike | None) -> tuple[Batches, NDArray[np.int64]]:
        check_part(part, self._parts)
        return self._parts[part], self._parts[part].places(indices, part)


def check_datasets(value: Any, taker: str) -> None:
    """Raise unless the value is what `make_datasets` returns; `taker` wants it.

    Raises:
        InvalidArgumentError: It is something else; the text says how to make a `Datasets` of it.
    """
    if isinstance(value, Datasets):
        return
    if isinstance(value, str | os.PathLike):
        received, advice = f"{str(value)!r}", f"make_datasets({str(value)!r})"
    elif isinstance(value, tuple | list):
        received, advice = "arrays", "make_datasets((images, labels)), which also splits them"
    else:
        received = f"a {type(value).__name__}"
        advice = "make_datasets(...) with the folder, table or arrays that it is made from"
    raise InvalidArgumentError(
        f"{taker} takes the data sets that make_datasets returns, whose images it finds again by "
        f"number; received {received}. Pass {advice}."
    )
