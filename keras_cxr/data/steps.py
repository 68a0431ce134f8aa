"""The nine steps of `make_datasets`, in their order."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr.data.batching.batches import Batches, balanced_weights
from keras_cxr.data.batching.pipelines import FORMATS
from keras_cxr.data.caching.cache import cache_folder, open_cache
from keras_cxr.data.caching.lungs import SEGMENTED, rows_to_segment, with_found_lungs
from keras_cxr.data.caching.reading import Record, read_all
from keras_cxr.data.caching.store import ArrayStore, FileStore, Pixels
from keras_cxr.data.caching.usable import (
    check_classes,
    check_found,
    keep_good,
    unseen,
    with_classes,
)
from keras_cxr.data.catalog import PARTS, Catalog
from keras_cxr.data.datasets import Datasets
from keras_cxr.data.draws import image_keys
from keras_cxr.data.files.intensity import describe_narrow
from keras_cxr.data.finding.arrays import from_arrays
from keras_cxr.data.finding.find import find_images
from keras_cxr.data.labels import check_class_names
from keras_cxr.data.options import Options
from keras_cxr.data.splitting.actions import NO_ACTIONS, Actions, read_actions, relabelled
from keras_cxr.data.splitting.copies import keep_copies_together, search_copies
from keras_cxr.data.splitting.groups import names_groups, with_groups
from keras_cxr.data.splitting.parts import Divide, Split, with_parts
from keras_cxr.data.splitting.patients import keep_patients_together
from keras_cxr.data.splitting.sources import describe_sources, read_sources


@dataclass(frozen=True, eq=False)
class Plan:
    """The images that were found, which of them are to be used, and what tables say of them.

    Attributes:
        catalog: every image that was found, with its class and group
        rows: those that are to be used
        arrays: the pixels, where the user passed them; None for files
        sources: the source of each file, where whole sources are divided
        actions: what an audit wants done; None without one
    """

    catalog: Catalog
    rows: Sequence[int]
    arrays: NDArray[Any] | None = None
    sources: Mapping[str, str] | None = None
    actions: Actions | None = None

    @property
    def chosen(self) -> Catalog:
        """The images that are to be used."""
        return self.catalog.subset(self.rows)


@dataclass(frozen=True, eq=False)
class Usable:
    """The images that can be used.

    Attributes:
        catalog: these images
        rows: their rows in the plan's catalog and in the store
        records: what reading each of them told
        notes: what was left out, and why
    """

    catalog: Catalog
    rows: list[int]
    records: list[Record]
    notes: tuple[str, ...]


def find(data: Any, options: Options) -> Plan:
    """Return the images of a folder, a table, a catalog or arrays, with their classes."""
    arrays = None
    if isinstance(data, tuple):
        catalog, arrays = from_arrays(data, options.image_size, options.class_names)
    else:
        catalog = find_images(data, root=options.root)
        check_found(catalog, on_error=options.on_error)
        if options.class_names is not None:
            catalog = with_classes(catalog, check_class_names(options.class_names))
    return Plan(catalog, range(len(catalog.entries)), arrays)


def join_tables(plan: Plan, data: Any, options: Options) -> Plan:
    """Return the images with what tables say of them: groups, sources and actions."""
    catalog, groups, split_by = plan.catalog, options.groups, options.split_by
    column = options.group_column
    if groups is not None and names_groups(groups, column=column, split_by=split_by):
        catalog = with_groups(catalog, groups, column=column)
    sources = read_sources(data, groups, catalog, column=split_by) if split_by else None
    actions = None if options.audit is None else read_actions(options.audit, catalog)
    return replace(plan, catalog=catalog, sources=sources, actions=actions)


def carry_out_actions(plan: Plan, options: Options) -> Plan:
    """Return the plan with new classes and without dropped images, refused if it cannot work."""
    actions = plan.actions or NO_ACTIONS
    rows = [row for row in plan.rows if row not in actions.dropped]
    plan = replace(plan, catalog=relabelled(plan.catalog, actions), rows=rows)
    check_classes(plan.chosen, named=options.class_names is not None)
    _divide(plan, options)(plan.chosen)  # what cannot be divided fails before anything is read
    return plan


def read_pixels(plan: Plan, options: Options) -> Pixels:
    """Return the fitted pixels of every image, from the cache where there is one."""
    if plan.arrays is not None:
        records = [Record(checksum=zlib.crc32(image.data)) for image in plan.arrays]
        return Pixels(ArrayStore(plan.arrays), records)
    catalog, size = plan.catalog, options.image_size
    reading: dict[str, Any] = {"intensity": options.intensity}
    if not options.cache:
        records = read_all(catalog, size, verbose=options.verbose, **reading)
        return Pixels(FileStore(catalog, size, records, **reading), records)
    reading["cache_dir"] = options.cache_dir
    store, records = open_cache(catalog, size, verbose=options.verbose, **reading)
    return Pixels(store, records, cache_folder(catalog, size, **reading))


def find_lungs(plan: Plan, pixels: Pixels, options: Options) -> Pixels:
    """Return the pixels with the segmenter's lungs, where the options want them."""
    rows = rows_to_segment(plan.catalog, pixels.records, masks=options.masks, region=options.region)
    wanted = set(plan.rows)
    rows = [row for row in rows if row in wanted]
    return with_found_lungs(pixels, rows, options.image_size, verbose=options.verbose)


def keep_usable(plan: Plan, pixels: Pixels, options: Options) -> Usable:
    """Return the images of the plan that can be used; whether bad ones are errors is an option."""
    records = [pixels.records[row] for row in plan.rows]
    segmented = {
        place: pixels.segmented[row]
        for place, row in enumerate(plan.rows)
        if row in pixels.segmented
    }
    good, notes = keep_good(
        plan.chosen,
        records,
        region=options.region,
        on_error=options.on_error,
        segmented=segmented,
    )
    rows = [plan.rows[place] for place in good]
    kept, records = plan.catalog.subset(rows), [records[place] for place in good]
    check_classes(kept, named=options.class_names is not None)
    narrow = [one.file for one, read in zip(kept.entries, records, strict=True) if read.narrow]
    notes += [describe_narrow(narrow, len(records))] if narrow else []
    return Usable(kept, rows, records, tuple(notes))


def assign_parts(usable: Usable, plan: Plan, options: Options) -> Split:
    """Return the part of every image; images of one patient stay together."""
    divide = _divide(plan, options)
    return keep_patients_together(
        Split(usable.catalog, divide(usable.catalog), usable.notes),
        [record.patient for record in usable.records],
        divide,
        wanted=options.group_patients,
    )


def look_for_copies(
    split: Split, usable: Usable, plan: Plan, pixels: Pixels, options: Options
) -> Split:
    """Return the split with copies looked for, and kept in one part.

    It comes after the split that does not know of copies, which the leaks are counted against;
    and what cannot be divided fails before the search, which may take minutes.
    """
    audit = plan.actions
    together = search_copies(
        pixels,
        wanted=options.group_duplicates,
        image_size=options.image_size,
        num_parts=len(set(split.parts)),
        known=None if audit is None else audit.groups,
        verbose=options.verbose,
    )
    if audit is not None:
        split = replace(split, notes=(*split.notes, str(audit)))
    split = keep_copies_together(split, together, usable.rows, _divide(plan, options))
    notes = [*plan.catalog.notes, *split.notes]
    if plan.sources is not None:
        sources = [plan.sources[entry.file] for entry in split.catalog.entries]
        notes.append(describe_sources(sources, split.parts, column=str(options.split_by)))
    return replace(split, notes=(*notes, *unseen(split.catalog, split.parts)))


def batch(split: Split, usable: Usable, pixels: Pixels, options: Options) -> Datasets:
    """Return the data sets that users get, with the batches of each part that holds images."""
    catalog, parts = split.catalog, split.parts
    batches = _batches(split, usable, pixels, options)
    wrap = FORMATS[options.format]
    masks = [
        (SEGMENTED if row in pixels.segmented else entry.mask) if record.mask_checksum >= 0 else ""
        for entry, record, row in zip(catalog.entries, usable.records, usable.rows, strict=True)
    ]
    table = {
        "file": [entry.file for entry in catalog.entries],
        "class": [entry.label for entry in catalog.entries],
        "part": parts,
        "group": [entry.group for entry in catalog.entries],
        "mask": masks,
    }
    train, val, test = (wrap(batches[part]) if part in batches else None for part in PARTS)
    return Datasets(
        train=train,
        val=val,
        test=test,
        class_names=catalog.class_names,
        class_weight=balanced_weights(batches["train"].labels, len(catalog.class_names)),
        table=pd.DataFrame(table),
        root=catalog.root if catalog.source else None,
        image_size=options.image_size,
        color_mode=options.color_mode,
        intensity=options.intensity,
        region=options.region,
        batch_size=options.batch_size,
        augment=options.augmentation is not None,
        seed=options.seed,
        format=options.format,
        layout=catalog.layout,
        notes=split.notes,
        copies=split.copies,
        cache_folder=pixels.folder,
        _parts=batches,
        _wrap=wrap,
        _checksums=np.array([(r.checksum, r.mask_checksum) for r in usable.records], np.int64),
    )


def _divide(plan: Plan, options: Options) -> Divide:
    return partial(with_parts, shares=options.shares, seed=options.seed, sources=plan.sources)


def _batches(split: Split, usable: Usable, pixels: Pixels, options: Options) -> dict[str, Batches]:
    """Return the batches of each part that holds images."""
    entries, names = split.catalog.entries, split.catalog.class_names
    index_of = {name: index for index, name in enumerate(names)}
    labels = np.array([index_of[entry.label] for entry in entries], np.int64)
    keys = image_keys([entry.file for entry in entries])
    rows, parts = np.array(usable.rows, np.int64), np.array(split.parts)
    return {
        part: Batches(
            store=pixels.store,
            rows=rows[chosen],
            labels=labels[chosen],
            keys=keys[chosen],
            image_size=options.image_size,
            channels=options.channels,
            num_classes=len(names),
            batch_size=options.batch_size,
            region=options.region,
            shuffle=part == "train",
            augmentation=options.augmentation if part == "train" else None,
            seed=options.seed,
        )
        for part in PARTS
        if (chosen := parts == part).any()
    }
