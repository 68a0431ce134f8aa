"""VinDr-CXR: several readers for each film, as boxes or as a column for each finding."""

from keras_cxr.data.label_files.lists import listed
from keras_cxr.data.label_files.rows import LabelSource, Rows
from keras_cxr.data.label_files.states import NO_FINDING, holds_labels, states_of_cells
from keras_cxr.data.tables.columns import find_column
from keras_cxr.errors import DataError

BOXES = ("image_id", "class_name", "rad_id")
COLUMNS = ("image_id", "Aortic enlargement", "No finding")


def parse_vindr_boxes(source: LabelSource) -> Rows:
    """Return a row for each reader of each film, from the table of boxes (`train.csv`).

    A reader who drew no box of a finding says that it is not there. Names are compared whole and
    stay as they are; torchxrayvision looks for them in the text, and takes any reader's word, as
    `readers="any"` does.
    """
    seen: dict[tuple[str, str], list[str]] = {}
    rows = zip(
        *(source.cells(column) for column in ("image_id", "rad_id", "class_name")), strict=True
    )
    blank = 0
    for film, reader, name in rows:
        held = seen.setdefault((film, reader), [])
        blank += not name
        if name:
            held.append(name)
    findings, states, notes = listed([names or None for names in seen.values()])
    if blank:
        notes.append(f"{blank:,} row(s) without a class_name")
    return Rows(
        [film for film, _ in seen],
        findings,
        states,
        notes=[*notes, *_about(seen), *source.unused(*BOXES)],
        several=source.readers,
    )


def parse_vindr_columns(source: LabelSource) -> Rows:
    """Return a row for each reader of each film, from `image_labels_train.csv` or `_test.csv`.

    The test films have one row each, which the readers agreed on. "No finding" is none.

    Raises:
        DataError: No column holds labels.
    """
    taken = {find_column(source.table, name) for name in ("image_id", "rad_id")}
    findings = tuple(
        sorted(
            str(column)
            for column in source.table.columns
            if column not in taken
            and str(column).strip().casefold() not in NO_FINDING
            and holds_labels(source.cells(str(column)))
        )
    )
    if not findings:
        raise DataError(f"{source.name} has no column that holds 0 and 1 for a finding")
    states, notes = states_of_cells({name: source.cells(name) for name in findings})
    notes += source.unused("image_id", "rad_id", COLUMNS[-1], *findings)
    films = source.cells("image_id")
    readers = source.optional("rad_id")
    if readers is not None:
        notes += _about(list(zip(films, readers, strict=True)))
    return Rows(films, findings, states, notes=notes, several=source.readers)


def _about(readings: "list[tuple[str, str]] | dict[tuple[str, str], list[str]]") -> list[str]:
    films = {film for film, _ in readings}
    readers = {reader for _, reader in readings}
    return [
        f"{len(films):,} film(s) read by {len(readers):,} reader(s), {len(readings):,} readings"
    ]
