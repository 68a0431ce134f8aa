"""`fewer_images`: a part of a `Datasets` cut down, classes in proportion and groups whole."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr.data.datasets import Datasets
from keras_cxr.data.groups import names_of_units
from keras_cxr.errors import InvalidArgumentError


def fewer_images(datasets: Datasets, count: int, *, part: str = "train", seed: int = 0) -> Datasets:
    """Return the same data sets with about `count` images in one part; nothing is read again.

    Each class keeps its share of the part, at least one image. Groups (patients, copies) are
    taken or left whole, so that a class may come out a group larger. The order in which groups
    are taken is drawn from `seed`, and the first of a larger `count` are those of a smaller one.

    Args:
        datasets: what `make_datasets` returned.
        count: how many images, at least 1; a part that has no more stays as it is.
        part: which part.
        seed: another seed takes other images.

    Raises:
        InvalidArgumentError: `count` is not positive, or there is no such part.

    Examples:
        >>> import numpy as np, keras_cxr
        >>> pixels, labels = np.zeros((20, 8, 8), "uint8"), np.array([0, 1] * 10)
        >>> arrays = keras_cxr.make_datasets((pixels, labels), image_size=(8, 8))
        >>> len(fewer_images(arrays, 6).files("train"))
        6
    """
    if count < 1:
        raise InvalidArgumentError(f"count must be at least 1, received {count}")
    total = len(datasets.files(part))
    if count >= total:
        return datasets
    held = np.flatnonzero(datasets.table["part"] == part)
    chosen = _draw(datasets, held, count / total, seed)
    batches = datasets._parts[part]
    parts = dict(datasets._parts)
    parts[part] = replace(
        batches,
        rows=batches.rows[chosen],
        labels=batches.labels[chosen],
        keys=batches.keys[chosen],
    )
    rows = np.setdiff1d(np.arange(len(datasets.table)), held[~chosen])
    return datasets._with_parts(
        parts,
        table=datasets.table.iloc[rows].reset_index(drop=True),
        notes=(*datasets.notes, f"{int(chosen.sum()):,} of {total:,} images of the part {part}"),
        _checksums=datasets._checksums[rows],
    )


def _draw(datasets: Datasets, held: NDArray[np.intp], share: float, seed: int) -> NDArray[np.bool_]:
    """Return (n,) bool: which of a part's images are taken.

    Groups come in a drawn order; one is taken while a class of its images still lacks some.
    """
    table = datasets.table.iloc[held].reset_index(drop=True)
    units = pd.Series(names_of_units(table["file"], table["group"]), dtype=object)
    members = table.groupby(units, sort=True).indices
    labels = table["class"].map({name: i for i, name in enumerate(datasets.class_names)}).to_numpy()
    lacking = np.rint(share * np.bincount(labels, minlength=datasets.num_classes))
    lacking = np.maximum(lacking, 1)
    groups = list(members.values())
    taken = np.zeros(len(table), bool)
    for place in np.random.default_rng(seed).permutation(len(groups)):
        rows = groups[place]
        if (lacking[labels[rows]] > 0).any():
            taken[rows] = True
            np.subtract.at(lacking, labels[rows], 1)
    return taken
