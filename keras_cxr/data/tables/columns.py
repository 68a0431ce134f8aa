"""What the columns of a user's table mean: one list of names for every reader of tables."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_cxr.data.catalog import PART_NAMES, PARTS
from keras_cxr.errors import DataError

COLUMNS = {
    "file": ("file", "file_name", "file_path", "path", "image_path", "image_file"),
    "label": ("label", "class", "class_name"),
    "group": ("group", "patient", "patient_id", "subject", "subject_id"),
    "part": ("part", "split", "subset"),
    "mask": ("mask", "mask_file", "mask_path"),
    "source": ("source",),
    "action": ("action",),
}
"""By what a column means, its names, the usual one first; case, blanks, `_` and `-` do not count.

Readers of all tables of users take them: images, groups, sources, actions, metadata.
"""
_ALIKE = {
    "label": ("diagnosis", "finding", "finding_labels", "target", "category"),
    "group": ("case_id", "person", "participant", "individual", "mrn", "study_id"),
    "part": ("fold", "partition", "dataset", "phase", "set", "usage"),
    "mask": ("lung_mask", "segmentation"),
}
"""Names that may mean the same, so that a column which is not used is worth a note."""
_NEAR = 0.85  # of difflib: one letter wrong in a word of six


@dataclass(frozen=True)
class Columns:
    """The columns of a table that have a meaning.

    Attributes:
        names: by meaning, what the table calls the column; those that it lacks are left out.
        cells: by meaning, the column's cells as text, "" for empty ones.
        notes: what is worth knowing, such as columns that are not used.
    """

    names: dict[str, str]
    cells: dict[str, list[str]]
    notes: tuple[str, ...]


def meaning(column: Any) -> str | None:
    """Return what a column of this name means, a key of `COLUMNS`; None for any other."""
    return _MEANINGS.get(_key(column))


def find_column(table: pd.DataFrame, name: str) -> Any | None:
    """Return the table's column of a name that the user gave, or of the only one alike."""
    if name in table.columns:
        return name
    alike = [column for column in table.columns if _key(column) == _key(name)]
    return alike[0] if len(alike) == 1 else None


def check_table(table: pd.DataFrame, name: str) -> None:
    """Refuse a table whose columns have no single name each.

    Raises:
        DataError: It has several rows of column names, or one name twice.
    """
    if isinstance(table.columns, pd.MultiIndex):
        raise DataError(
            f"{name} has {table.columns.nlevels} rows of column names, such as "
            f"{table.columns[0]!r}. Give each column one name, such as "
            "table.columns = ['_'.join(names) for names in table.columns]."
        )
    twice = [str(column) for column, count in Counter(table.columns).items() if count > 1]
    if twice:
        raise DataError(
            f"{name} names the column(s) {', '.join(twice)} more than once. Rename or delete all "
            "but one."
        )


def read_columns(table: pd.DataFrame, meanings: Iterable[str], *, name: str) -> Columns:
    """Return the columns of a table that have these meanings.

    Args:
        table: any table with a row for each image, or action.
        meanings: keys of `COLUMNS` that the reader can use.
        name: what errors and notes call the table.

    Raises:
        DataError: Two columns of one meaning contradict each other, or see `check_table`.
    """
    check_table(table, name)
    names, cells, notes = {}, {}, []
    wanted = tuple(meanings)
    for kind in wanted:
        held = {column: cell_texts(table[column]) for column in _in_order(table, kind)}
        if kind == "part":
            held, more = _that_name_parts(held, name)
            notes += more
        filled = {column: texts for column, texts in held.items() if any(texts)} or held
        if not filled:
            continue
        first, *others = filled
        for other in others:
            _check_agree(first, other, filled, name=name)
            notes.append(f"{name}: {other!r} says the same as {first!r} and is not used")
        names[kind], cells[kind] = first, filled[first]
    notes += _look_alikes(table, wanted, names, name=name)
    return Columns(names, cells, tuple(notes))


def cell_texts(column: "pd.Series[Any]") -> list[str]:
    """Return a column's cells as text without space around it, "" for empty ones."""
    if isinstance(column.dtype, pd.StringDtype):
        return [cell.strip() for cell in column.fillna("").tolist()]
    missing = column.isna().tolist()
    return ["" if gone else str(cell).strip() for cell, gone in zip(column, missing, strict=True)]


def said(table: pd.DataFrame) -> str:
    """Return the names of a table's columns, for an error."""
    return ", ".join(map(str, table.columns)) or "none"


def lacking(name: str, columns: Sequence[str], table: pd.DataFrame) -> DataError:
    """Return the error for a table without all of the columns that its reader needs."""
    what = "columns" if len(columns) > 1 else "column"
    return DataError(f"{name} needs the {what} {' and '.join(columns)}; it has {said(table)}")


def _key(column: Any) -> str:
    return re.sub(r"[\s_\-]+", "", str(column).strip("\ufeff")).lower()


_MEANINGS = {_key(name): kind for kind, names in COLUMNS.items() for name in names}


def _in_order(table: pd.DataFrame, kind: str) -> list[Any]:
    """Return the table's columns of a meaning, the usual name first."""
    order = [_key(name) for name in COLUMNS[kind]]
    held = [column for column in table.columns if _key(column) in order]
    return sorted(held, key=lambda column: (order.index(_key(column)), str(column) != kind))


def _that_name_parts(
    held: dict[Any, list[str]], name: str
) -> tuple[dict[Any, list[str]], list[str]]:
    """Return columns of parts in our words, without those that mean something else."""
    found, notes = {}, []
    for column, texts in held.items():
        parts = [PART_NAMES.get(text.lower(), text) for text in texts]
        if any(part in PARTS for part in parts) or _key(column) == "part":
            found[column] = parts
        else:
            cells = ", ".join(repr(text) for text in list(dict.fromkeys(texts))[:3])
            notes.append(
                f"{name}: {column!r} is not used, for it names no parts but {cells}, ...; a column "
                "part would say train, val or test"
            )
    return found, notes


def _check_agree(one: Any, other: Any, held: dict[Any, list[str]], *, name: str) -> None:
    """Refuse two columns of one meaning, unless each value of one is one value of the other."""
    partner: dict[str, str] = {}
    back: dict[str, str] = {}
    left, right = set(held[one]), set(held[other])
    for row, (a, b) in enumerate(zip(held[one], held[other], strict=True)):
        swapped = a != b and (a in right or b in left)
        if swapped or partner.setdefault(a, b) != b or back.setdefault(b, a) != a:
            raise DataError(
                f"{name}: the columns {one!r} and {other!r} contradict each other, first in row "
                f"{row + 1} with {a!r} and {b!r}. Rename or delete the one that is not meant."
            )


def _look_alikes(
    table: pd.DataFrame, kinds: Sequence[str], names: dict[str, str], *, name: str
) -> list[str]:
    """Return notes on columns that are not used but look as if they were meant to be."""
    notes = []
    for kind in kinds:
        if kind in names or kind not in _ALIKE:
            continue
        keys = [_key(word) for word in (*_ALIKE[kind], *COLUMNS[kind])]
        alike = [
            repr(str(column))
            for column in table.columns
            if meaning(column) is None
            and difflib.get_close_matches(_key(column), keys, n=1, cutoff=_NEAR)
        ]
        if alike:
            notes.append(
                f"{name}: {', '.join(alike)} {'is' if len(alike) == 1 else 'are'} not used; if it "
                f"is the {kind} of an image, call the column {kind}"
            )
    return notes
