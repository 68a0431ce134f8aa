"""`AuditedData`: what each question to data is asked of."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from keras_cxr.audit.of_data.base.copies import CopyGroups, kept_together
from keras_cxr.audit.of_data.base.metadata import Metadata
from keras_cxr.audit.of_data.base.opened_data import OpenedData


@dataclass(frozen=True, eq=False)
class AuditedData:
    """A data set with all that is known of it before the first question.

    Attributes:
        opened: its images, read once.
        copies: which of them show one photograph.
        attributes: a row for each file, as `read_attributes` returns it.
        metadata: patients and sources.
        seed: of whatever is drawn.
    """

    opened: OpenedData
    copies: CopyGroups
    attributes: pd.DataFrame
    metadata: Metadata
    seed: int = 0

    @cached_property
    def files(self) -> list[str]:
        """The files in the order of the catalog."""
        return [entry.file for entry in self.opened.catalog.entries]

    @cached_property
    def labels(self) -> list[str]:
        """The class of each file; "" for images without classes."""
        return [entry.label for entry in self.opened.catalog.entries]

    @cached_property
    def together(self) -> list[str]:
        """The group of each file that no split may tear apart; "" for a file alone."""
        return kept_together(self.files, self.metadata.patients, self.copies.groups)

    @cached_property
    def class_names(self) -> list[str]:
        """The classes that the data set knows; empty for images without classes."""
        return [name for name in self.opened.catalog.class_names if name]
