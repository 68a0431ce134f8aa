"""`make_datasets`: from a folder, a table or arrays to batches that `fit` takes."""

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd

import keras_cxr.data.steps as steps
from keras_cxr.data.catalog import Catalog
from keras_cxr.data.datasets import Datasets
from keras_cxr.data.options import check_options
from keras_cxr.data.splitting.groups import Groups

Data = str | os.PathLike[str] | pd.DataFrame | Catalog | tuple[Any, Any]


def make_datasets(
    data: Data,
    *,
    image_size: tuple[int, int] = (224, 224),
    batch_size: int = 32,
    split: Sequence[float] = (0.8, 0.1, 0.1),
    augment: bool = True,
    region: str = "full",
    masks: str = "auto",
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
    """Return the training, validation and test batches of a folder of chest X-rays.

    Every file is decoded and checked once, before anything else happens; the fitted pixels are
    kept in a cache, so that the next call starts at once.

    Args:
        data: a folder (`CLASS/images` with `CLASS/masks`, `CLASS/*.png`, or either below
            `train`, `val` and `test`); a CSV file or DataFrame with columns file, label and
            optionally group, mask, part; a `Catalog` as `find_images` returns it; or
            `(images, labels)`: arrays in [0, 255], and class indices, one-hot rows or names.
        image_size: (height, width) that every image and mask is stretched to.
        batch_size: images per batch.
        split: shares of train, val and test. A share of 0 makes that part None. Parts that the
            folders or the table name are kept; a missing one is taken from train.
        augment: whether training images are rotated, zoomed and flipped.
        region: "full"; "lungs" keeps what lies inside the lung mask and sets the rest to 0;
            "outside" the other way round.
        masks: where lung masks come from. "auto": files where they stand, else, for a region that
            needs them, the segmenter (`LungSegmenter`), and a note counts how many of each class;
            "files" alone, so that a missing one is an error; "segment": the segmenter's for every
            image. Masks of two kinds in different classes tell the classes apart.
        color_mode: "grayscale", or "rgb" for the grey value in three channels.
        intensity: "stored" shows the range that a file may use, by its bits or its DICOM window;
            "percentiles" each film from its own 0.5th to its 99.5th percentile, for files that
            use little of their range. Arrays are taken as they are.
        seed: draws split, order and augmentation.
        format: "tf" for `tf.data.Dataset`, "keras" for a `keras.utils.PyDataset` that needs no
            TensorFlow.
        on_error: "raise" lists all bad files in one error, "skip" leaves them out.
        cache: whether fitted pixels are kept on disk. Without, files are decoded in each epoch.
        cache_dir: where; by default `KERAS_CXR_CACHE` or the user's cache folder.
        rotation: largest angle in degrees.
        zoom: largest change of scale, as a fraction.
        horizontal_flip: whether images are mirrored at random. On chest films this is
            anatomically wrong (the heart changes sides), but the study did so.
        fill_mode: what lies outside: "reflect", "mirror", "nearest", "wrap" or "constant".
        groups: which images belong together (to one patient) and stay in one part: a mapping
            from file to group, or a table with columns file and group or patient.
        group_column: the column of `groups`, where it has another name.
        group_duplicates: whether copies (see `find_duplicates`) are looked for and kept in one
            part, joined with `groups`; the summary tells what a split that does not know them
            leaks. "auto" does so for files at 64 x 64 or larger, but not for arrays, which would
            be searched anew by every call; True insists. Parts that are given are not divided.
        group_patients: whether images of one patient, as DICOM files name them, stay in one part.
            "auto" does so where no groups are given; True joins both. Parts that are given are not
            divided.
        audit: a table of actions as an audit writes it: columns file, action ("drop", "group" or
            "relabel"), group and label. Its groups join `groups`; since an audit has looked for
            copies, "auto" does not do so again. Actions with a question mark are only counted.
        split_by: a column, such as source, of the data table or of the table `groups`: whole
            sources go to one part each, so that the test part holds some that training never saw.
            Groups and copies that lie in two sources may then be divided; the summary counts them.
        root: the folder that a table's paths are relative to; by default the CSV's own.
        class_names: the classes by index, for arrays and for data to test a model of these
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
        augment=augment,
        region=region,
        masks=masks,
        color_mode=color_mode,
        intensity=intensity,
        seed=seed,
        format=format,
        on_error=on_error,
        cache=cache,
        cache_dir=cache_dir,
        rotation=rotation,
        zoom=zoom,
        horizontal_flip=horizontal_flip,
        fill_mode=fill_mode,
        groups=groups,
        group_column=group_column,
        group_duplicates=group_duplicates,
        group_patients=group_patients,
        audit=audit,
        split_by=split_by,
        root=root,
        class_names=class_names,
        verbose=verbose,
    )
    plan = steps.find(data, options)
    plan = steps.join_tables(plan, data, options)
    plan = steps.carry_out_actions(plan, options)
    pixels = steps.read_pixels(plan, options)
    pixels = steps.find_lungs(plan, pixels, options)
    usable = steps.keep_usable(plan, pixels, options)
    divided = steps.assign_parts(usable, plan, options)
    divided = steps.look_for_copies(divided, usable, plan, pixels, options)
    return steps.batch(divided, usable, pixels, options)
