"""Any table with a column file: findings as a list in one column, or a column for each."""

from collections.abc import Sequence

from keras_cxr.data.catalog import PARTS
from keras_cxr.data.label_files.lists import Lists, listed, read_lists
from keras_cxr.data.label_files.rows import LabelSource, Rows, patient_names
from keras_cxr.data.label_files.states import NO_FINDING, States, holds_labels, states_of_cells
from keras_cxr.data.tables.columns import Columns, meaning, read_columns
from keras_cxr.errors import DataError

_MEANINGS = ("file", "label", "group", "part")
_SEPARATORS = ("|", ";", ",")
_VIEWS = ("view", "view position", "projection")


def is_list(source: LabelSource) -> bool:
    """Return whether the table has a column file and one that lists findings by name."""
    held = _held(source)
    return "file" in held and "label" in held and not holds_labels(source.cells(held["label"]))


def is_columns(source: LabelSource) -> bool:
    """Return whether the table has a column file and columns of 0 and 1."""
    return "file" in _held(source) and bool(_label_columns(source))


def parse_list(source: LabelSource) -> Rows:
    """Return the rows of a table with the columns file and label, such as "Effusion|Mass".

    The separator is `|`, else `;`, else a comma, by what the cells hold; it is noted. "No
    Finding", "Normal" and "none" are none, which is noted too.

    Raises:
        DataError: Columns are missing, or the cells hold both `|` and `;`.
    """
    found = read_columns(source.table, _MEANINGS, name=source.name)
    _check_has(source, found, "label")
    cells = found.cells["label"]
    separator = source.separator or _separator(cells, source.name)
    lists = read_lists(cells, separator)
    findings, states, notes = listed(lists)
    told = [f"findings are separated by {separator!r}", *_none(lists)]
    unused = source.unused(*found.names.values(), *_VIEWS)
    return _rows(source, found, findings, states, [*told, *notes, *unused])


def parse_columns(source: LabelSource) -> Rows:
    """Return the rows of a table with the column file and a column of 0 and 1 for each finding.

    A column is a finding where most of its filled cells are labels (1, 0, -1, or their words) and
    it has no other meaning; a column that says that there is none is no finding. The others are
    noted.

    Raises:
        DataError: Columns are missing.
    """
    found = read_columns(source.table, ("file", "group", "part"), name=source.name)
    _check_has(source, found, "a column of 0 and 1 for each finding")
    names = _label_columns(source)
    if not names:
        raise DataError(f"{source.name} has no column of 0 and 1 that could be a finding")
    findings = tuple(sorted(names))
    states, notes = states_of_cells({name: source.cells(name) for name in findings})
    unused = source.unused(*found.names.values(), *_VIEWS, *findings)
    return _rows(source, found, findings, states, [*notes, *unused])


def _rows(
    source: LabelSource, found: Columns, findings: Sequence[str], states: States, notes: list[str]
) -> Rows:
    groups, more = patient_names(found.cells.get("group", []))
    parts, strange = _parts(found)
    views = next((cells for name in _VIEWS if (cells := source.optional(name)) is not None), [])
    return Rows(
        found.cells["file"],
        findings,
        states,
        groups=groups,
        views=views,
        parts=parts,
        notes=[*found.notes, *more, *notes, *strange],
    )


def _parts(found: Columns) -> tuple[list[str], list[str]]:
    """Return the part of each row, "" where the cell names none, and notes."""
    cells = found.cells.get("part", [])
    strange = [cell for cell in cells if cell and cell not in PARTS]
    notes = (
        [f"{len(strange):,} row(s) name a part that is none, such as {strange[0]!r}"]
        if strange
        else []
    )
    return [cell if cell in PARTS else "" for cell in cells], notes


def _held(source: LabelSource) -> dict[str, str]:
    """Return the table's columns by their meanings, the first of each."""
    held: dict[str, str] = {}
    for column in source.table.columns:
        kind = meaning(column)
        if kind is not None:
            held.setdefault(kind, column)
    return held


def _check_has(source: LabelSource, found: Columns, needed: str) -> None:
    if "file" not in found.cells or (needed == "label" and "label" not in found.cells):
        held = ", ".join(map(str, source.table.columns))
        raise DataError(f"{source.name} needs the column file and {needed}; it has {held}")


def _label_columns(source: LabelSource) -> list[str]:
    """Return the columns that hold labels and mean nothing else."""
    return [
        str(column)
        for column in source.table.columns
        if meaning(column) in (None, "label")
        and str(column).strip().casefold() not in NO_FINDING
        and holds_labels(source.cells(str(column)))
    ]


def _separator(cells: list[str], name: str) -> str:
    found = [mark for mark in _SEPARATORS if any(mark in cell for cell in cells)]
    if {"|", ";"} <= {*found}:
        raise DataError(
            f"{name} separates findings by '|' and by ';'. Pass the one that is meant, such as "
            "separator='|'."
        )
    return found[0] if found else "|"


def _none(lists: Lists) -> list[str]:
    absent = [name for names in lists for name in names or () if name.casefold() in NO_FINDING]
    told = " and ".join(repr(name) for name in sorted(set(absent)))
    return [f"{told} is taken for no finding: {len(absent):,} row(s)"] if absent else []
