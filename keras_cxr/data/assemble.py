"""From images, parts and pixels to the `Datasets` that a user gets."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from keras_cxr.data.batching.augment import image_keys
from keras_cxr.data.batching.batches import Batches, balanced_weights
from keras_cxr.data.caching.reading import Record
from keras_cxr.data.caching.store import Store
from keras_cxr.data.catalog import PARTS, Catalog
from keras_cxr.data.datasets import Datasets
from keras_cxr.data.options import Options
from keras_cxr.data.splitting.groups import Copies


def make_batches(
    catalog: Catalog, parts: list[str], *, store: Store, rows: list[int], options: Options
) -> dict[str, Batches]:
    """Returns the batches of each part that holds images.

    Args:
        catalog: The images of the data set.
        parts: The part of each.
        store: Where pixels lie.
        rows: The store's row of each image.
        options: Of `make_datasets`.
    """
    index_of = {name: index for index, name in enumerate(catalog.class_names)}
    labels = np.array([index_of[entry.label] for entry in catalog.entries], np.int64)
    keys = image_keys([entry.file for entry in catalog.entries])
    every = {
        part: Batches(
            store=store,
            rows=np.array(rows, np.int64)[chosen],
            labels=labels[chosen],
            keys=keys[chosen],
            image_size=options.image_size,
            channels=options.channels,
            num_classes=len(index_of),
            batch_size=options.batch_size,
            region=options.region,
            shuffle=part == "train",
            augmentation=options.augmentation if options.augment and part == "train" else None,
            seed=options.seed,
        )
        for part in PARTS
        for chosen in [np.flatnonzero(np.array(parts) == part)]
    }
    return {part: batches for part, batches in every.items() if len(batches)}


def assemble(
    catalog: Catalog,
    parts: list[str],
    *,
    records: list[Record],
    batches: dict[str, Batches],
    options: Options,
    copies: Copies | None,
    wrap: Callable[[Batches], Any],
) -> Datasets:
    """Returns the data sets that users get.

    Args:
        catalog: The images of the data set.
        parts: The part of each.
        records: What reading each one told.
        batches: Of each part, from `make_batches`.
        options: Of `make_datasets`.
        copies: What they do to the split; None where they were not looked for.
        wrap: Makes of batches what `fit` takes.
    """
    entries = catalog.entries
    masks = [
        entry.mask if record.mask_checksum >= 0 else ""
        for entry, record in zip(entries, records, strict=True)
    ]
    columns = {
        "file": [entry.file for entry in entries],
        "class": [entry.label for entry in entries],
        "part": parts,
        "group": [entry.group for entry in entries],
        "mask": masks,
    }
    train, val, test = (wrap(batches[part]) if part in batches else None for part in PARTS)
    return Datasets(
        train=train,
        val=val,
        test=test,
        class_names=catalog.class_names,
        class_weight=balanced_weights(batches["train"].labels, len(catalog.class_names)),
        table=pd.DataFrame(columns),
        root=catalog.root if catalog.source else None,
        image_size=options.image_size,
        color_mode=options.color_mode,
        intensity=options.intensity,
        region=options.region,
        batch_size=options.batch_size,
        augment=options.augment,
        seed=options.seed,
        format=options.format,
        layout=catalog.layout,
        notes=catalog.notes,
        copies=copies,
        _parts=batches,
        _wrap=wrap,
        _checksums=np.array([(one.checksum, one.mask_checksum) for one in records], np.int64),
    )
