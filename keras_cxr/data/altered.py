"""The same data sets with other pixels or other labels, for controls and comparisons."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from keras_cxr._support.checks import check_choice
from keras_cxr.data.batching.batches import REGIONS, Batches, Transform
from keras_cxr.data.catalog import PARTS, listing
from keras_cxr.errors import DataError, InvalidArgumentError


class Altered(NamedTuple):
    """What alters with pixels and labels: the batches of each part, the table, and notes."""

    parts: dict[str, Batches]
    table: pd.DataFrame
    notes: tuple[str, ...]


def alter(
    parts: Mapping[str, Batches],
    table: pd.DataFrame,
    class_names: tuple[str, ...],
    *,
    region: str | None,
    transform: Transform | None,
    labels: Mapping[str, ArrayLike] | None,
) -> Altered:
    """Return the parts and the table of a `Datasets` as `Datasets.altered` describes them."""
    parts, notes = dict(parts), []
    if region is not None:
        _check_region(region, table)
        parts = {part: replace(batches, region=region) for part, batches in parts.items()}
    if transform is not None:
        name = transform_name(transform)
        parts = {part: replace(batches, transform=transform) for part, batches in parts.items()}
        _try(parts["train"], name)
        notes.append(f"every image goes through {name} before it is augmented")
    if labels is not None:
        table = table.copy()
        for part, given in labels.items():
            check_part(part, parts)
            indices = _check_labels(given, len(parts[part].rows), class_names, part=part)
            changed = int((indices != parts[part].labels).sum())
            parts[part] = replace(parts[part], labels=indices)
            table.loc[table["part"] == part, "class"] = np.array(class_names)[indices]
            notes.append(f"{changed:,} labels of the part {part} are not those of the files")
    return Altered(parts, table, tuple(notes))


def check_part(part: Any, parts: Mapping[str, Batches]) -> None:
    """Raise unless it is the name of a part that holds images.

    Raises:
        InvalidArgumentError: It is no part's name, or that part is empty.
    """
    check_choice("part", part, PARTS, shown=str)
    if part not in parts:
        raise InvalidArgumentError(f"The part {part!r} is empty: its share of split is 0")


def transform_name(transform: Any) -> str:
    """Return a function's module and qualified name, by which a fingerprint knows it.

    A function that has moved says by its attribute `known_as` what it was called before.

    Raises:
        InvalidArgumentError: It is no function at the top of a module, so that the name would
            not tell it from another one.
    """
    module, name = (getattr(transform, item, None) for item in ("__module__", "__qualname__"))
    if not callable(transform) or not module or not name or not name.isidentifier():
        raise InvalidArgumentError(
            "transform must be a function that stands at the top of a module, so that a "
            f"fingerprint can name it, received {transform!r}. Write it with def, outside other "
            "functions."
        )
    return str(getattr(transform, "known_as", f"{module}.{name}"))


def _check_region(region: str, table: pd.DataFrame) -> None:
    check_choice("region", region, REGIONS)
    lacking = list(table["file"][table["mask"] == ""])
    if region != "full" and lacking:
        raise DataError(
            f"{len(lacking):,} of {len(table):,} images have no lung mask, which "
            f"region={region!r} needs:\n{listing(lacking)}\nAltered data sets hold the same rows, "
            'so none is left out here. Call make_datasets with masks="segment", or with '
            'region="lungs" and on_error="skip", and alter what it returns.'
        )


def _check_labels(
    given: ArrayLike, count: int, names: tuple[str, ...], *, part: str
) -> NDArray[np.int64]:
    indices = np.asarray(given)
    if indices.shape != (count,) or not np.issubdtype(indices.dtype, np.integer):
        raise InvalidArgumentError(
            f"labels[{part!r}] must be ({count},) integers, one class index for each image of the "
            f"part, received {indices.dtype} {indices.shape}"
        )
    if indices.min() < 0 or indices.max() >= len(names):
        raise InvalidArgumentError(
            f"labels[{part!r}] must lie in 0 to {len(names) - 1}, received {indices.min()} to "
            f"{indices.max()}"
        )
    unseen = [name for index, name in enumerate(names) if index not in indices]
    if part == "train" and unseen:
        raise InvalidArgumentError(
            f"labels['train'] leaves no training image of class {', '.join(map(repr, unseen))}"
        )
    return indices.astype(np.int64)


def _try(batches: Batches, name: str) -> None:
    """Run the function on one image, so that what cannot work fails here and not in training."""
    made = batches.altered_image(int(batches.rows[0]))
    if made.shape != batches.image_size or made.dtype not in (np.uint8, np.float32):
        raise InvalidArgumentError(
            f"transform {name} must return {batches.image_size} uint8 or float32, it returned "
            f"{made.shape} {made.dtype}"
        )
    if not (np.isfinite(made).all() and made.min() >= 0 and made.max() <= 255):
        raise InvalidArgumentError(
            f"transform {name} must return values in [0, 255], it returned {made.min()} to "
            f"{made.max()}"
        )
