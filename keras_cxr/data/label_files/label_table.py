"""What a label file says, as arrays and names, ready for any use."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelTable:
    """The findings of films, as `read_label_file` found them.

    Attributes:
        files: the films, as the label file names them, in the order of their first rows.
        findings: the names of the findings, sorted.
        labels: (films, findings) float32 in {0, 1, NaN}; NaN is unknown. It cannot be changed.
        groups: the patient of each film, "" where the label file names none.
        views: the view of each film: "PA", "AP", "AP Supine", "L" for laterals, or what the file
            says; "" for unknown.
        parts: the author's own split: "train", "val" or "test", "" for none. Where the author
            divides in two (NIH), the validation part is still in the first.
        paths: the films below the image folder, with `/`; empty where none was given.
        kind: of label file, such as "chexpert".
        notes: what was left out, changed or not understood, counted for each finding.
    """

    files: tuple[str, ...]
    findings: tuple[str, ...]
    labels: NDArray[np.float32]
    groups: tuple[str, ...]
    views: tuple[str, ...]
    parts: tuple[str, ...]
    paths: tuple[str, ...]
    kind: str
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """A row for each film: file (the path where there is one), group, part, view, findings."""
        about = {
            "file": self.paths or self.files,
            "group": self.groups,
            "part": self.parts,
            "view": self.views,
        }
        labels = pd.DataFrame(self.labels, columns=list(self.findings))
        return pd.concat([pd.DataFrame(about), labels], axis=1)

    @property
    def counts(self) -> pd.DataFrame:
        """How many films show each finding, do not, and are unknown: a row for each finding."""
        known = {
            "positive": (self.labels == 1.0).sum(axis=0),
            "negative": (self.labels == 0.0).sum(axis=0),
            "unknown": np.isnan(self.labels).sum(axis=0),
        }
        return pd.DataFrame(known, index=pd.Index(self.findings, name="finding"))

    def __str__(self) -> str:
        patients = len(set(self.groups) - {""})
        said = f", {patients:,} patients" if patients else ""
        first = f"{self.kind}: {len(self.files):,} films, {len(self.findings)} findings{said}"
        return "\n".join((first, *(f"- {note}" for note in self.notes)))
