"""What a table says of the images: patients and sources."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from keras_cxr.data.catalog import Catalog
from keras_cxr.data.splitting.patients import usable_patients
from keras_cxr.data.tables.columns import COLUMNS, said
from keras_cxr.data.tables.csv_files import as_table
from keras_cxr.data.tables.joining import join_table

Table = str | os.PathLike[str] | pd.DataFrame


@dataclass(frozen=True)
class Metadata:
    """What is known of every image, in the order of the catalog; "" where nothing is.

    Attributes:
        patients: the patient of each.
        sources: where each comes from.
        notes: what did not fit.
    """

    patients: tuple[str, ...]
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_metadata(catalog: Catalog, table: Table | None, *, prefix: str = "") -> Metadata:
    """Return patient and source of every image.

    Args:
        catalog: the images. Its own groups count as patients where the table names none.
        table: a CSV file or DataFrame with the column file, and any of those that
            `columns.COLUMNS` names for group (patients) and source; None takes what the catalog
            knows.
        prefix: a folder that the table may put in front of the catalog's paths.

    Raises:
        NotFoundError: there is no such file.
        DataError: the table lacks the column file, names none of the images, or contradicts
            itself.
    """
    groups = tuple(entry.group for entry in catalog.entries)
    unknown = ("",) * len(catalog.entries)
    if table is None:
        return Metadata(groups, unknown)
    frame = as_table(table, "metadata")
    files = [entry.file for entry in catalog.entries]
    joined = join_table(
        frame,
        files,
        name="metadata",
        root=catalog.root,
        meanings=("group", "source"),
        prefix=prefix,
    )
    joined.check_named()
    names, cells = joined.columns.names, joined.columns.cells
    told = {note.partition(": ")[2] for note in catalog.notes}  # of the data's own table
    notes = [note for note in joined.columns.notes if note.partition(": ")[2] not in told]
    if joined.num_missing:
        notes.append(f"{joined.num_missing:,} of {len(files):,} images are not in the metadata")
    if not {"group", "source"} & set(cells):
        wanted = ", ".join((*COLUMNS["group"], *COLUMNS["source"]))
        notes.append(f"the metadata has none of the columns {wanted}; it has {said(frame)}")

    def of_each(kind: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
        if kind not in cells:
            return otherwise
        found = joined.of_each(cells[kind], f"The metadata's column {names[kind]}")
        return tuple(value or "" for value in found)

    return Metadata(of_each("group", groups), of_each("source", unknown), tuple(notes))


def with_dicom_patients(known: Metadata, patients: Sequence[str]) -> Metadata:
    """Return what is known, with the patients that DICOM files name where no table names any.

    Args:
        known: of every image.
        patients: `Record.patient` of each.
    """
    if any(known.patients) or not any(patients):
        return known
    named, problem = usable_patients(patients)
    return replace(
        known,
        patients=tuple(f"DICOM patient {one}" if one else "" for one in named),
        notes=(*known.notes, *([problem] if problem else [])),
    )
