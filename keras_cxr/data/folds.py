"""`make_folds`: the images of a `Datasets` divided for cross-validation, groups kept whole."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr.data.datasets import Datasets
from keras_cxr.data.groups import names_of_units
from keras_cxr.errors import DataError, InvalidArgumentError


def make_folds(datasets: Datasets, folds: int = 3, *, seed: int = 0) -> Iterator[Datasets]:
    """Yield the same images `folds` times, each image once in the test part.

    All parts of `datasets` are put together and divided anew: in each fold one share is "test",
    the rest "train", augmented and weighted by class as the training part was; there is no
    "val". Shares hold each class in the same proportion as far as groups (patients and copies,
    the column `group`) allow, for a group is never divided (scikit-learn's StratifiedGroupKFold).
    No pixel is read or copied.

    Args:
        datasets: what `make_datasets` returned, from files or arrays.
        folds: how many shares, at least 2.
        seed: another seed gives another division.

    Raises:
        InvalidArgumentError: `folds` is below 2.
        DataError: A class has fewer groups than there are folds.

    Examples:
        >>> import numpy as np, keras_cxr
        >>> pixels, labels = np.zeros((9, 8, 8), "uint8"), [0, 1, 0, 1, 0, 1, 0, 1, 1]
        >>> arrays = keras_cxr.make_datasets((pixels, np.array(labels)), image_size=(8, 8))
        >>> [len(fold.files("test")) for fold in make_folds(arrays, 3)]
        [3, 3, 3]
    """
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or folds < 2:
        raise InvalidArgumentError(f"folds must be a whole number of at least 2, received {folds}")
    fold_of = _assign(datasets, int(folds), seed)
    for fold in range(folds):
        yield _divided(datasets, fold_of == fold)


def _assign(datasets: Datasets, folds: int, seed: int) -> NDArray[np.int64]:
    """Return (n,) int64: the fold in which each row of the table is tested."""
    from sklearn.model_selection import StratifiedGroupKFold

    table = datasets.table
    absent = [name for name in datasets.class_names if name not in set(table["class"])]
    if absent:
        raise DataError(
            f"No image shows class {', '.join(map(repr, absent))}: there is nothing to train on. "
            "Make the data set without class_names=."
        )
    groups = pd.Series(names_of_units(table["file"], table["group"]), dtype=object)
    for name, count in groups.groupby(table["class"]).nunique().items():
        if count < folds:
            raise DataError(
                f"Class {name!r} has {count} images or groups of images, too few for {folds} "
                "folds: ask for fewer, add images or leave the class out."
            )
    fold_of = np.zeros(len(table), np.int64)
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for fold, (_, tested) in enumerate(dealer.split(table, table["class"], groups)):
        fold_of[tested] = fold
    return fold_of


def _divided(datasets: Datasets, tested: NDArray[np.bool_]) -> Datasets:
    """Return the data set with the rows `tested` as its test part and the others to train on."""
    rows, labels = np.zeros((2, len(tested)), np.int64)
    keys = np.zeros(len(tested), np.uint64)
    for part, batches in datasets._parts.items():
        places = (datasets.table["part"] == part).to_numpy()
        rows[places], labels[places], keys[places] = batches.rows, batches.labels, batches.keys
    train = datasets._parts["train"]
    test = replace(train, shuffle=False, augmentation=None)
    parts = {
        part: replace(batches, rows=rows[chosen], labels=labels[chosen], keys=keys[chosen])
        for part, batches, chosen in (("train", train, ~tested), ("test", test, tested))
    }
    counts = np.bincount(parts["train"].labels, minlength=datasets.num_classes)
    if not counts.all():
        lacking = datasets.class_names[int(counts.argmin())]
        raise DataError(
            f"The images of class {lacking!r} hang together in one group, so that a fold has none "
            "to train on: ask for fewer folds or leave the class out."
        )
    return replace(
        datasets,
        train=datasets._wrap(parts["train"]),
        val=None,
        test=datasets._wrap(parts["test"]),
        class_weight={
            index: float(counts.sum() / (len(counts) * count)) for index, count in enumerate(counts)
        },
        table=datasets.table.assign(part=np.where(tested, "test", "train")),
        _parts=parts,
    )
