"""What `make_datasets` checks at the door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_cxr._support.checks import check_choice, check_image_size, check_integer
from keras_cxr.data.batching.augment import Augmentation
from keras_cxr.data.batching.batches import REGIONS
from keras_cxr.data.duplicates.views import check_searchable
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
        check_choice(name, options[name], allowed)
    if options["group_duplicates"] is True:
        check_searchable(size)
    return Options(
        image_size=size,
        batch_size=check_integer("batch_size", batch_size, least=1),
        seed=check_integer("seed", seed, least=0),
        shares=check_shares(split),
        **options,
    )


def check_group_column(column: str | None, groups: Groups | None) -> None:
    """Refuses a name for the column of groups where there is no table of groups.

    Raises:
        InvalidArgumentError: As said.
    """
    if column is not None and (groups is None or isinstance(groups, Mapping | pd.Series)):
        raise InvalidArgumentError(
            "group_column names a column of the table groups=, but groups is no table"
        )
