"""What `make_datasets` checks at the door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from keras_cxr.data.batching.augment import Augmentation
from keras_cxr.data.batching.batches import REGIONS
from keras_cxr.data.duplicates.views import SIDE
from keras_cxr.data.files.images import COLOR_MODES
from keras_cxr.data.files.intensity import INTENSITIES
from keras_cxr.data.finding.tables import Groups
from keras_cxr.data.splitting.assign import Shares, check_shares
from keras_cxr.errors import InvalidArgumentError

FORMATS = ("tf", "keras")
_CHOICES = {
    "color_mode": tuple(COLOR_MODES),
    "format": FORMATS,
    "group_duplicates": ("auto", True, False),
    "group_patients": ("auto", True, False),
    "intensity": INTENSITIES,
    "on_error": ("raise", "skip"),
    "region": REGIONS,
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a data set; made once, then passed from step to step."""

    image_size: tuple[int, int]
    batch_size: int
    shares: Shares
    augment: bool
    augmentation: Augmentation
    region: str
    color_mode: str
    intensity: str
    seed: int
    format: str
    on_error: str
    group_duplicates: bool | str
    group_patients: bool | str
    verbose: bool | str

    @property
    def channels(self) -> int:
        """1 or 3."""
        return COLOR_MODES[self.color_mode]


def check_options(
    *, image_size: Any, batch_size: Any, seed: Any, split: Sequence[float], **options: Any
) -> Options:
    """Returns the options as given.

    Raises:
        InvalidArgumentError: One has a value that cannot work; the text names it.
    """
    size = check_image_size(image_size)
    for name, allowed in _CHOICES.items():
        if options[name] not in allowed:
            raise InvalidArgumentError(
                f"{name} must be one of {', '.join(map(repr, allowed))}, received {options[name]!r}"
            )
    if options["group_duplicates"] is True:
        check_searchable(size)
    return Options(
        image_size=size,
        batch_size=_whole("batch_size", batch_size, 1),
        seed=_whole("seed", seed, 0),
        shares=check_shares(split),
        **options,
    )


def check_image_size(image_size: Any) -> tuple[int, int]:
    """Returns (height, width) as integers.

    Raises:
        InvalidArgumentError: These are not two positive numbers.
    """
    try:
        height, width = (int(side) for side in image_size)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"image_size must be (height, width), received {image_size!r}"
        ) from error
    if height < 1 or width < 1:
        raise InvalidArgumentError(f"image_size must be positive, received {image_size!r}")
    return height, width


def check_searchable(image_size: tuple[int, int]) -> tuple[int, int]:
    """Returns an image size in which copies can be told from other films.

    Raises:
        InvalidArgumentError: A side is shorter than 64.
    """
    if min(image_size) < SIDE:
        raise InvalidArgumentError(
            f"Copies are looked for in images of at least {SIDE} x {SIDE}, received image_size "
            f"{image_size}. Pass a larger one."
        )
    return image_size


def check_group_column(column: str | None, groups: Groups | None) -> None:
    """Refuses a name for the column of groups where there is no table of groups.

    Raises:
        InvalidArgumentError: As said.
    """
    if column is not None and (groups is None or isinstance(groups, Mapping | pd.Series)):
        raise InvalidArgumentError(
            "group_column names a column of the table groups=, but groups is no table"
        )


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InvalidArgumentError(f"{name} must be an integer from {least}, received {value!r}")
    return int(value)
