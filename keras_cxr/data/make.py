"""`make_datasets`: from a folder, a table or arrays to batches that `fit` takes."""

import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.threads import num_workers
from keras_cxr.data.assemble import assemble, make_batches
from keras_cxr.data.batching.augment import Augmentation
from keras_cxr.data.batching.batches import Batches
from keras_cxr.data.caching.cache import cache_folder, open_cache
from keras_cxr.data.caching.reading import Record, read_all
from keras_cxr.data.caching.store import ArrayStore, FileStore, Store
from keras_cxr.data.caching.usable import (
    check_classes,
    check_found,
    keep_good,
    unseen,
    with_classes,
)
from keras_cxr.data.catalog import Catalog
from keras_cxr.data.datasets import Datasets
from keras_cxr.data.files.intensity import describe_narrow
from keras_cxr.data.finding.arrays import from_arrays
from keras_cxr.data.finding.find import find_images
from keras_cxr.data.finding.tables import Groups, with_groups
from keras_cxr.data.groups import within
from keras_cxr.data.labels import check_class_names
from keras_cxr.data.options import Options, check_group_column, check_options
from keras_cxr.data.splitting.actions import NO_ACTIONS, read_actions, relabelled
from keras_cxr.data.splitting.groups import keep_together, look_for_copies
from keras_cxr.data.splitting.parts import with_parts
from keras_cxr.data.splitting.patients import keep_patients
from keras_cxr.data.splitting.sources import describe_sources, holds_groups, read_sources

Data = str | os.PathLike[str] | pd.DataFrame | Catalog | tuple[Any, Any]


def make_datasets(
    data: Data,
    *,
    image_size: tuple[int, int] = (224, 224),
    batch_size: int = 32,
    split: Sequence[float] = (0.8, 0.1, 0.1),
    augment: bool = True,
    region: str = "full",
    color_mode: str = "grayscale",
    intensity: str = "stored",
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
    group_duplicates: bool | str = "auto",
    group_patients: bool | str = "auto",
    audit: str | os.PathLike[str] | pd.DataFrame | None = None,
    split_by: str | None = None,
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
            optionally group, mask, part; a `Catalog` as `find_images` returns it; or
            `(images, labels)`: arrays in [0, 255], and class indices, one-hot rows or names.
        image_size: (height, width) that every image and mask is stretched to.
        batch_size: Images per batch.
        split: Shares of train, val and test. A share of 0 makes that part None. Parts that the
            folders or the table name are kept; a missing one is taken from train.
        augment: Whether training images are rotated, zoomed and flipped.
        region: "full"; "lungs" keeps what lies inside the lung mask and sets the rest to 0;
            "outside" the other way round.
        color_mode: "grayscale", or "rgb" for the grey value in three channels.
        intensity: "stored" shows the range that a file may use, by its bits or its DICOM window;
            "percentiles" each film from its own 0.5th to its 99.5th percentile, for files that
            use little of their range. Arrays are taken as they are.
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
        group_duplicates: Whether copies (see `find_duplicates`) are looked for and kept in one
            part, joined with `groups`; the summary tells what a split that does not know them
            leaks. "auto" does so for files at 64 x 64 or larger, but not for arrays, which would
            be searched anew by every call; True insists. Parts that are given are not divided.
        group_patients: Whether images of one patient, as DICOM files name them, stay in one part.
            "auto" does so where no groups are given; True joins both. Parts that are given are not
            divided.
        audit: A table of actions as an audit writes it: columns file, action ("drop", "group" or
            "relabel"), group and label. Its groups join `groups`; since an audit has looked for
            copies, "auto" does not do so again. Actions with a question mark are only counted.
        split_by: A column, such as source, of the data table or of the table `groups`: whole
            sources go to one part each, so that the test part holds some that training never saw.
            Groups and copies that lie in two sources may then be divided; the summary counts them.
        root: The folder that a table's paths are relative to; by default the CSV's own.
        class_names: The classes by index, for arrays and for data to test a model of these
            classes on: images of other classes are refused, classes without images noted. By
            default those that the images show, sorted.
        verbose: True shows progress on stderr, "auto" only in a terminal.

    Returns:
        The frozen `Datasets`; print it for a summary.

    Raises:
        NotFoundError: There is no such folder or file.
        DataError: Images, masks or labels cannot be used; all bad files are listed.
        InvalidArgumentError: An argument has a value that cannot work.
        OutputError: The cache cannot be written.
    """
    options = check_options(
        image_size=image_size,
        batch_size=batch_size,
        split=split,
        augment=bool(augment),
        augmentation=Augmentation(
            rotation=rotation, zoom=zoom, horizontal_flip=horizontal_flip, fill_mode=fill_mode
        ),
        region=region,
        color_mode=color_mode,
        intensity=intensity,
        seed=seed,
        format=format,
        on_error=on_error,
        group_duplicates=group_duplicates
        if isinstance(group_duplicates, str)
        else bool(group_duplicates),
        group_patients=group_patients if isinstance(group_patients, str) else bool(group_patients),
        verbose=verbose,
    )
    check_group_column(group_column, groups)
    images = None
    if isinstance(data, tuple):
        catalog, images = from_arrays(data, options.image_size, class_names)
    else:
        catalog = find_images(data, root=root)
        check_found(catalog, on_error=on_error)
        if class_names is not None:
            catalog = with_classes(catalog, check_class_names(class_names))
    if groups is not None and holds_groups(groups, column=group_column, split_by=split_by):
        catalog = with_groups(catalog, groups, column=group_column)
    sources = read_sources(data, groups, catalog, column=split_by) if split_by else None
    actions = NO_ACTIONS if audit is None else read_actions(audit, catalog)
    catalog = relabelled(catalog, actions)
    chosen = [row for row in range(len(catalog.entries)) if row not in actions.dropped]
    planned = catalog.subset(chosen)
    check_classes(planned, named=class_names is not None)
    with_parts(planned, options.shares, options.seed, sources=sources)  # before anything is read

    store, records, folder = _open(catalog, images, options, cache=cache, cache_dir=cache_dir)
    good, notes = keep_good(
        planned, [records[row] for row in chosen], region=region, on_error=on_error
    )
    rows, kept = [chosen[place] for place in good], planned.subset(good)
    check_classes(kept, named=class_names is not None)
    parts = with_parts(kept, options.shares, options.seed, sources=sources)
    held = [records[row] for row in rows]
    narrow = [entry.file for entry, one in zip(kept.entries, held, strict=True) if one.narrow]
    notes += [describe_narrow(narrow, len(held))] if narrow else []
    kept, parts, told = keep_patients(
        kept, [one.patient for one in held], parts, options=options, sources=sources
    )
    notes += told
    together = look_for_copies(
        store,
        records,
        options=options,
        num_parts=len(set(parts)),
        known=None if audit is None else actions.groups,
        in_memory=images is not None,
        folder=folder,
    )
    notes += [str(actions)] if audit is not None else []
    notes += together.notes
    copies = None
    if together.groups is not None:
        kept, parts, copies = keep_together(
            kept,
            within(together.groups, rows),
            parts,
            options=options,
            sources=sources,
            found_by=together.found_by,
        )
        notes.append(str(copies))
    if sources is not None:
        of_each = [sources[entry.file] for entry in kept.entries]
        notes.append(describe_sources(of_each, parts, column=str(split_by)))
    kept = replace(kept, notes=(*catalog.notes, *notes, *unseen(kept, parts)))
    batches = make_batches(kept, parts, store=store, rows=rows, options=options)
    return assemble(
        kept,
        parts,
        records=held,
        batches=batches,
        options=options,
        copies=copies,
        wrap=_FORMATS[options.format],
    )


def _open(
    catalog: Catalog,
    images: NDArray[Any] | None,
    options: Options,
    *,
    cache: bool,
    cache_dir: str | os.PathLike[str] | None,
) -> tuple[Store, list[Record], Path | None]:
    """Returns the pixels, a record for each entry, and the cache folder where there is one."""
    size, intensity, verbose = options.image_size, options.intensity, options.verbose
    if images is not None:
        return ArrayStore(images), [Record(checksum=zlib.crc32(one.data)) for one in images], None
    if cache:
        place: dict[str, Any] = {"intensity": intensity, "cache_dir": cache_dir}
        store, records = open_cache(catalog, size, verbose=verbose, **place)
        return store, records, cache_folder(catalog, size, **place)
    records = read_all(catalog, size, intensity=intensity, verbose=verbose)
    return FileStore(catalog, size, records, intensity=intensity), records, None


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

    as_it_is = tf.autograph.experimental.do_not_convert(load)  # converting it takes 0.1 s
    numbers = tf.data.Dataset.range(len(batches))
    return numbers.map(as_it_is, num_parallel_calls=num_workers()).prefetch(2)


def as_keras_dataset(batches: Batches) -> Any:
    """Returns the batches as a `keras.utils.PyDataset`."""
    from keras_cxr.data.batching.keras_format import BatchDataset

    return BatchDataset(batches)


_FORMATS: dict[str, Callable[[Batches], Any]] = {"keras": as_keras_dataset, "tf": as_tf_dataset}
