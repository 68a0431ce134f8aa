"""What a table says of the images: patients and sources."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from keras_cxr.data.catalog import Catalog
from keras_cxr.data.splitting.patients import usable_patients
from keras_cxr.data.tables.columns import COLUMNS, read_columns, said
from keras_cxr.data.tables.csv_files import as_table
from keras_cxr.data.tables.joining import places_of, values_at
from keras_cxr.errors import DataError

Table = str | os.PathLike[str] | pd.DataFrame


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
        table: A CSV file or DataFrame with the column file, and any of those that
            `columns.COLUMNS` names for group (patients) and source; None takes what the catalog
            knows.
        prefix: A folder that the table may put in front of the catalog's paths.

    Raises:
        NotFoundError: There is no such file.
        DataError: The table lacks the column file, names none of the images, or contradicts
            itself.
    """
    groups = tuple(entry.group for entry in catalog.entries)
    unknown = ("",) * len(catalog.entries)
    if table is None:
        return Metadata(groups, unknown)
    frame = as_table(table, "metadata")
    held = read_columns(frame, ("file", "group", "source"), name="metadata")
    if "file" not in held.cells:
        raise DataError(f"metadata needs the column file; it has {said(frame)}")
    files, known = held.cells["file"], [entry.file for entry in catalog.entries]
    places = places_of(files, known, root=catalog.root, prefix=prefix)
    missing = len(known) - len({*places} - {-1})
    if missing == len(known):
        raise DataError(
            f"metadata names none of the {missing:,} images. Its column file must hold paths "
            f"relative to {catalog.root}, such as {known[0]!r}; it has "
            f"{next(iter(files), 'no rows')!r}"
        )
    told = {note.partition(": ")[2] for note in catalog.notes}  # of the data's own table
    notes = [note for note in held.notes if note.partition(": ")[2] not in told]
    if missing:
        notes.append(f"{missing:,} of {len(known):,} images are not in the metadata")
    if not {"group", "source"} & set(held.cells):
        wanted = ", ".join((*COLUMNS["group"], *COLUMNS["source"]))
        notes.append(f"the metadata has none of the columns {wanted}; it has {said(frame)}")

    def of_each(kind: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
        if kind not in held.cells:
            return otherwise
        what = f"The metadata's column {held.names[kind]}"
        found = values_at(places, held.cells[kind], known, what=what)
        return tuple(value or "" for value in found)

    return Metadata(of_each("group", groups), of_each("source", unknown), tuple(notes))


def with_dicom_patients(known: Metadata, patients: Sequence[str]) -> Metadata:
    """Returns what is known, with the patients that DICOM files name where no table names any.

    Args:
        known: Of every image.
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
