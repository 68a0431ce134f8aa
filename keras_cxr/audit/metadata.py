"""What a table says of the images: patients, sources, and patients under several classes."""

import os
import posixpath
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from keras_cxr.data.catalog import Catalog
from keras_cxr.data.tables import read_csv
from keras_cxr.errors import DataError

PATIENT_COLUMNS = ("patient", "patient_id", "group")
"""The first of them that a table has names the patients."""
SOURCE_COLUMN = "source"

Table = str | os.PathLike[str] | pd.DataFrame


class PatientAcrossClasses(NamedTuple):
    """A patient whose images are filed under several classes."""

    patient: str
    classes: tuple[str, ...]
    files: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns it as JSON holds it."""
        return {
            "patient": self.patient,
            "classes": list(self.classes),
            "files": list(self.files),
        }


@dataclass(frozen=True)
class Metadata:
    """What is known of every image, in the order of the catalog; "" where nothing is.

    Attributes:
        patients: The patient of each.
        sources: Where each comes from.
        notes: What did not fit.
    """

    patients: tuple[str, ...]
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_metadata(catalog: Catalog, table: Table | None, *, prefix: str = "") -> Metadata:
    """Returns patient and source of every image.

    Args:
        catalog: The images. Its own groups count as patients where the table names none.
        table: A CSV file or DataFrame with the column file and any of patient, patient_id or
            group, and source; None takes what the catalog knows.
        prefix: A folder that the table may put in front of the catalog's paths.

    Raises:
        NotFoundError: There is no such file.
        DataError: The table lacks the column file, or names none of the images.
    """
    groups = tuple(entry.group for entry in catalog.entries)
    unknown = ("",) * len(catalog.entries)
    if table is None:
        return Metadata(groups, unknown)
    frame = table if isinstance(table, pd.DataFrame) else read_csv(table)
    columns = ", ".join(map(str, frame.columns)) or "none"
    if "file" not in frame.columns:
        raise DataError(f"metadata needs the column file; it has {columns}")
    row_of = {
        _relative(catalog.root, str(file)).removeprefix(prefix): row
        for row, file in enumerate(frame["file"])
    }
    rows = [row_of.get(entry.file, -1) for entry in catalog.entries]
    named = sum(row >= 0 for row in rows)
    if not named:
        raise DataError(
            f"metadata names none of the {len(rows):,} images. Its column file must hold paths "
            f"relative to {catalog.root}, such as {catalog.entries[0].file!r}; it has "
            f"{next(iter(row_of), 'no rows')!r}"
        )
    notes = []
    if named < len(rows):
        notes.append(f"{len(rows) - named:,} of {len(rows):,} images are not in the metadata")
    patient = next((column for column in PATIENT_COLUMNS if column in frame.columns), None)
    if patient is None and SOURCE_COLUMN not in frame.columns:
        notes.append(
            f"the metadata has none of the columns {', '.join(PATIENT_COLUMNS)}, "
            f"{SOURCE_COLUMN}; it has {columns}"
        )

    def cells(column: str | None) -> tuple[str, ...]:
        if column is None or column not in frame.columns:
            return unknown
        texts = ["" if pd.isna(cell) else str(cell).strip() for cell in frame[column]]
        return tuple(texts[row] if row >= 0 else "" for row in rows)

    patients = cells(patient) if patient is not None else groups
    return Metadata(patients, cells(SOURCE_COLUMN), tuple(notes))


def patients_across_classes(
    catalog: Catalog, patients: tuple[str, ...]
) -> tuple[PatientAcrossClasses, ...]:
    """Returns the patients whose images are filed under several classes, by name.

    That need not be a mistake: a follow-up may change class honestly.
    """
    rows_of = defaultdict(list)
    for row, patient in enumerate(patients):
        if patient:
            rows_of[patient].append(row)
    found = []
    for patient, rows in sorted(rows_of.items()):
        classes = tuple(sorted({catalog.entries[row].label for row in rows}))
        if len(classes) > 1:
            files = tuple(catalog.entries[row].file for row in rows)
            found.append(PatientAcrossClasses(patient, classes, files))
    return tuple(found)


def _relative(root: Path, file: str) -> str:
    path = posixpath.normpath(file.strip().replace("\\", "/"))
    start = root.absolute().as_posix() + "/"
    return path.removeprefix(start)
