"""The options of `make_datasets` as one frozen value, checked before anything is read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_cxr._support.checks import check_choice, check_image_size, check_integer
from keras_cxr.data.batching.augment import Augmentation
from keras_cxr.data.batching.batches import REGIONS
from keras_cxr.data.batching.pipelines import FORMATS
from keras_cxr.data.caching.lungs import MASK_SOURCES
from keras_cxr.data.duplicates.windows import check_searchable
from keras_cxr.data.files.images import COLOR_MODES
from keras_cxr.data.files.intensity import INTENSITIES
from keras_cxr.data.splitting.assign import Shares, check_shares
from keras_cxr.data.splitting.groups import Groups, check_group_column

_CHOICES = {
    "color_mode": tuple(COLOR_MODES),
    "format": tuple(FORMATS),
    "group_duplicates": ("auto", True, False),
    "group_patients": ("auto", True, False),
    "intensity": INTENSITIES,
    "masks": MASK_SOURCES,
    "on_error": ("raise", "skip"),
    "region": REGIONS,
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a data set; made once by `check_options`, then passed from step to step.

    `make_datasets` describes them. `shares` is its `split`, `augmentation` what its `rotation`,
    `zoom`, `horizontal_flip` and `fill_mode` say, None where nothing is augmented.
    """

    image_size: tuple[int, int]
    batch_size: int
    shares: Shares
    augmentation: Augmentation | None
    region: str
    masks: str
    color_mode: str
    intensity: str
    seed: int
    format: str
    on_error: str
    cache: bool
    cache_dir: str | os.PathLike[str] | None
    groups: Groups | None
    group_column: str | None
    group_duplicates: bool | str
    group_patients: bool | str
    audit: str | os.PathLike[str] | pd.DataFrame | None
    split_by: str | None
    root: str | os.PathLike[str] | None
    class_names: Sequence[str] | None
    verbose: bool | str

    @property
    def channels(self) -> int:
        """1 or 3."""
        return COLOR_MODES[self.color_mode]


def check_options(
    *,
    image_size: Any,
    batch_size: Any,
    seed: Any,
    split: Sequence[float],
    augment: Any,
    rotation: float,
    zoom: float,
    horizontal_flip: bool,
    fill_mode: str,
    **others: Any,
) -> Options:
    """Return the options of `make_datasets` as one value.

    Raises:
        InvalidArgumentError: One has a value that cannot work; the text names it.
    """
    augmentation = Augmentation(
        rotation=rotation, zoom=zoom, horizontal_flip=horizontal_flip, fill_mode=fill_mode
    )
    size = check_image_size(image_size)
    for name in ("group_duplicates", "group_patients"):
        others[name] = _as_bool(others[name])
    for name, allowed in _CHOICES.items():
        check_choice(name, others[name], allowed)
    if others["group_duplicates"] is True:
        check_searchable(size)
    options = Options(
        image_size=size,
        batch_size=check_integer("batch_size", batch_size, least=1),
        seed=check_integer("seed", seed, least=0),
        shares=check_shares(split),
        augmentation=augmentation if augment else None,
        **others,
    )
    check_group_column(options.group_column, options.groups)
    return options


def _as_bool(value: Any) -> bool | str:
    return value if isinstance(value, str) else bool(value)
