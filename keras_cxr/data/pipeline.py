"""`make_datasets`: from a folder, a table or arrays to batches that `fit` takes."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from keras_cxr.data.arrays import from_arrays
from keras_cxr.data.augment import Augmentation
from keras_cxr.data.batches import REGIONS, Batches
from keras_cxr.data.cache import open_cache
from keras_cxr.data.catalog import PARTS, Catalog
from keras_cxr.data.datasets import Datasets
from keras_cxr.data.folders import find_in_folder
from keras_cxr.data.images import COLOR_MODES
from keras_cxr.data.parts import check_classes, keep_good, with_parts
from keras_cxr.data.reading import Record, read_all
from keras_cxr.data.split import check_shares
from keras_cxr.data.store import ArrayStore, FileStore, Store
from keras_cxr.data.tables import Groups, check_column, find_in_table, read_csv, with_groups
from keras_cxr.errors import InvalidArgumentError

Data = str | os.PathLike[str] | pd.DataFrame | tuple[Any, Any]


def make_datasets(
    data: Data,
    *,
    image_size: tuple[int, int] = (224, 224),
    batch_size: int = 32,
    split: Sequence[float] = (0.8, 0.1, 0.1),
    augment: bool = True,
    region: str = "full",
    color_mode: str = "grayscale",
    seed: int = 0,
    format: str = "tf",
    on_error: str = "raise",
    cache: bool = True,
    cache_dir: str | os.PathLike[str] | None = None,
    rotation: float = 18.0,
    zoom: float = 0.05,
    horizontal_flip: bool = True,
    fill_mode: str = "reflect",
    groups: Groups | None = None,
    group_column: str | None = None,
    root: str | os.PathLike[str] | None = None,
    class_names: Sequence[str] | None = None,
    verbose: bool | str = "auto",
) -> Datasets:
    """Returns the training, validation and test batches of a folder of chest X-rays.

    Every file is decoded and checked once, before anything else happens; the fitted pixels are
    kept in a cache, so that the next call starts at once.

    Args:
        data: A folder (`CLASS/images` with `CLASS/masks`, `CLASS/*.png`, or either below
            `train`, `val` and `test`); a CSV file or DataFrame with columns file, label and
            optionally group, mask, part; or `(images, labels)` arrays in [0, 255].
        image_size: (height, width) that every image and mask is stretched to.
        batch_size: Images per batch.
        split: Shares of train, val and test. A share of 0 makes that part None. Parts that the
            folders or the table name are kept; a missing one is taken from train.
        augment: Whether training images are rotated, zoomed and flipped.
        region: "full"; "lungs" keeps what lies inside the lung mask and sets the rest to 0;
            "outside" the other way round.
        color_mode: "grayscale", or "rgb" for the grey value in three channels.
        seed: Draws split, order and augmentation.
        format: "tf" for `tf.data.Dataset`, "keras" for a `keras.utils.PyDataset` that needs no
            TensorFlow.
        on_error: "raise" lists all bad files in one error, "skip" leaves them out.
        cache: Whether fitted pixels are kept on disk. Without, files are decoded in each epoch.
        cache_dir: Where; by default `KERAS_CXR_CACHE` or the user's cache folder.
        rotation: Largest angle in degrees.
        zoom: Largest change of scale, as a fraction.
        horizontal_flip: Whether images are mirrored at random. On chest films this is
            anatomically wrong (the heart changes sides), but the study did so.
        fill_mode: What lies outside: "reflect", "mirror", "nearest", "wrap" or "constant".
        groups: Which images belong together (to one patient) and stay in one part: a mapping
            from file to group, or a table with columns file and group or patient.
        group_column: The column of `groups`, where it has another name.
        root: The folder that a table's paths are relative to; by default the CSV's own.
        class_names: Names of the classes of arrays, by index.
        verbose: True shows progress on stderr, "auto" only in a terminal.

    Returns:
        The frozen `Datasets`; print it for a summary.

    Raises:
        NotFoundError: There is no such folder or file.
        DataError: Images, masks or labels cannot be used; all bad files are listed.
        InvalidArgumentError: An argument has a value that cannot work.
        OutputError: The cache cannot be written.
    """
    size = _check(image_size, batch_size, seed)
    for name, value, allowed in (
        ("region", region, REGIONS),
        ("color_mode", color_mode, tuple(COLOR_MODES)),
        ("format", format, tuple(_FORMATS)),
        ("on_error", on_error, ("raise", "skip")),
    ):
        if value not in allowed:
            raise InvalidArgumentError(
                f"{name} must be one of {', '.join(map(repr, allowed))}, received {value!r}"
            )
    shares = check_shares(split)
    check_column(group_column, groups)
    augmentation = Augmentation(
        rotation=rotation, zoom=zoom, horizontal_flip=horizontal_flip, fill_mode=fill_mode
    )
    images = None
    if isinstance(data, tuple):
        catalog, images = from_arrays(*_pair(data), size, class_names)
    else:
        catalog = find_images(data, root=root)
    if groups is not None:
        catalog = with_groups(catalog, groups, column=group_column)
    check_classes(catalog)
    parts = with_parts(catalog, shares, seed)  # early: a split that cannot work costs no reading

    records: list[Record]
    if images is not None:
        store: Store = ArrayStore(images)
        records = [Record() for _ in catalog.entries]
        content = hashlib.sha256(np.ascontiguousarray(images)).digest()
    else:
        if cache:
            store, records = open_cache(catalog, size, cache_dir=cache_dir, verbose=verbose)
        else:
            store, records = FileStore(catalog, size), read_all(catalog, size, verbose=verbose)
    rows, notes = keep_good(catalog, records, region=region, on_error=on_error)
    if images is None:
        checksums = [(records[row].checksum, records[row].mask_checksum) for row in rows]
        content = hashlib.sha256(np.array(checksums, np.int64)).digest()
    if len(rows) < len(catalog.entries):
        kept = tuple(catalog.entries[row] for row in rows)
        catalog = Catalog(catalog.root, catalog.layout, catalog.source, kept, catalog.notes)
        check_classes(catalog)
        parts = with_parts(catalog, shares, seed)

    names = catalog.class_names
    if class_names is not None and images is not None:
        names = tuple(str(name) for name in class_names)
    index_of = {name: index for index, name in enumerate(names)}
    labels = np.array([index_of[entry.label] for entry in catalog.entries], np.int64)
    keys = np.array([image_key(entry.file) for entry in catalog.entries], np.uint64)
    table = pd.DataFrame(
        {
            "file": [entry.file for entry in catalog.entries],
            "class": [entry.label for entry in catalog.entries],
            "part": parts,
            "group": [entry.group for entry in catalog.entries],
            "mask": [
                "" if records[row].mask_error else entry.mask
                for row, entry in zip(rows, catalog.entries, strict=True)
            ],
        }
    )
    batches = {}
    for part in PARTS:
        chosen = np.flatnonzero(np.array(parts) == part)
        if len(chosen) == 0:
            continue
        batches[part] = Batches(
            store=store,
            rows=np.asarray(rows, np.int64)[chosen],
            labels=labels[chosen],
            keys=keys[chosen],
            image_size=size,
            channels=COLOR_MODES[color_mode],
            num_classes=len(names),
            batch_size=batch_size,
            region=region,
            shuffle=part == "train",
            augmentation=augmentation if augment and part == "train" else None,
            seed=seed,
        )
    wrap = _FORMATS[format]
    counts = np.bincount(batches["train"].labels, minlength=len(names))
    return Datasets(
        **{part: wrap(batches[part]) if part in batches else None for part in PARTS},
        class_names=names,
        class_weight={
            index: float(counts.sum() / (len(names) * count)) for index, count in enumerate(counts)
        },
        table=table,
        root=None if images is not None else catalog.root,
        image_size=size,
        color_mode=color_mode,
        region=region,
        batch_size=batch_size,
        augment=augment,
        seed=seed,
        format=format,
        layout=catalog.layout,
        notes=(*catalog.notes, *notes),
        _parts=batches,
        _wrap=wrap,
        _content=content,
    )


def find_images(data: Any, *, root: str | os.PathLike[str] | None = None) -> Catalog:
    """Returns the catalog of a folder, a CSV file or a DataFrame; no image is opened.

    Raises:
        NotFoundError: There is no such folder or file.
        DataError: No layout fits.
    """
    if isinstance(data, pd.DataFrame):
        return find_in_table(data, root=root, name="the DataFrame")
    if not isinstance(data, str | os.PathLike):
        raise InvalidArgumentError(
            "data must be a folder, a CSV file, a DataFrame or a tuple (images, labels), received "
            f"{type(data).__name__}"
        )
    path = Path(data).expanduser()
    if path.suffix.lower() == ".csv" and not path.is_dir():
        folder = root if root is not None else path.parent
        return find_in_table(read_csv(path), root=folder, name=path.name)
    return find_in_folder(path)


def image_key(file: str) -> int:
    """Returns the 64-bit number that an image's draws are made from."""
    return int.from_bytes(hashlib.sha256(file.encode()).digest()[:8], "little")


def as_tf_dataset(batches: Batches) -> Any:
    """Returns the batches as a `tf.data.Dataset` that makes them ahead in threads of its own."""
    import tensorflow as tf

    def load(index: Any) -> Any:
        images, labels = tf.numpy_function(
            lambda number: batches[int(number)], [index], (tf.float32, tf.float32)
        )
        images.set_shape((None, *batches.image_size, batches.channels))
        labels.set_shape((None, batches.num_classes))
        return images, labels

    return tf.data.Dataset.range(len(batches)).map(load, num_parallel_calls=2).prefetch(2)


def as_keras_dataset(batches: Batches) -> Any:
    """Returns the batches as a `keras.utils.PyDataset`."""
    from keras_cxr.data.keras_format import BatchDataset

    return BatchDataset(batches)


_FORMATS: dict[str, Callable[[Batches], Any]] = {"keras": as_keras_dataset, "tf": as_tf_dataset}


def _check(image_size: Any, batch_size: Any, seed: Any) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in image_size)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"image_size must be (height, width), received {image_size!r}"
        ) from error
    if height < 1 or width < 1:
        raise InvalidArgumentError(f"image_size must be positive, received {image_size!r}")
    if not isinstance(batch_size, int) or batch_size < 1:
        raise InvalidArgumentError(f"batch_size must be an integer from 1, received {batch_size!r}")
    if not isinstance(seed, int):
        raise InvalidArgumentError(f"seed must be an integer, received {seed!r}")
    return height, width


def _pair(data: tuple[Any, ...]) -> tuple[Any, Any]:
    if len(data) != 2:
        raise InvalidArgumentError(f"data must be (images, labels), received {len(data)} items")
    return data[0], data[1]
