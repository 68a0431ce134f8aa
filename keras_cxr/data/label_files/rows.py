"""A label file on its way: the table as it was read, its rows, and one row for each film."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from keras_cxr.data.catalog import listing
from keras_cxr.data.groups import rows_by_name
from keras_cxr.data.label_files.states import (
    MISSING,
    NEGATIVE,
    POSITIVE,
    TORN,
    UNCERTAIN,
    UNREAD,
    States,
    counted,
)
from keras_cxr.data.tables.columns import cell_texts, find_column, lacking
from keras_cxr.data.tables.csv_files import read_csv
from keras_cxr.data.tables.joining import posix_file
from keras_cxr.errors import DataError

Readers = Literal["any", "majority"]


@dataclass(frozen=True)
class LabelSource:
    """A label file's table and what its reader may ask for besides.

    Attributes:
        table: as it was read.
        name: what errors call it.
        folder: where further files of the same data set may lie; None for a DataFrame.
        readers: how several readers of one film become one answer.
        separator: between the names of a list; None where the file tells.
    """

    table: pd.DataFrame
    name: str
    folder: Path | None = None
    readers: Readers = "any"
    separator: str | None = None

    def cells(self, column: str) -> list[str]:
        """Return the cells of a column as text.

        Raises:
            DataError: The table lacks it.
        """
        found = self.optional(column)
        if found is None:
            raise lacking(self.name, (column,), self.table)
        return found

    def optional(self, column: str) -> list[str] | None:
        """Return the cells of a column as text, None where the table lacks it."""
        found = find_column(self.table, column)
        return None if found is None else cell_texts(self.table[found])

    def unused(self, *used: str) -> list[str]:
        """Return a note on the table's columns besides these, in the order of the table."""
        taken = {find_column(self.table, name) for name in used}
        rest = [repr(str(column)) for column in self.table.columns if column not in taken]
        return [f"columns that are no labels: {', '.join(rest)}"] if rest else []

    def beside(self, ending: str) -> "LabelSource | None":
        """Return the table beside this one whose file's name ends so, None where there is none.

        Raises:
            DataError: Several do, or it cannot be read.
        """
        if self.folder is None:
            return None
        ends = (ending, f"{ending}.gz")
        try:
            found = sorted(file for file in self.folder.iterdir() if file.name.endswith(ends))
        except OSError as error:
            raise DataError(
                f"The folder {self.folder} of {self.name} cannot be listed: {error}. Change its "
                "permissions, or pass the label file as a DataFrame."
            ) from error
        if len(found) > 1:
            raise DataError(
                f"Several files beside {self.name} end with {ending}: "
                f"{', '.join(file.name for file in found)}. Keep one of them there."
            )
        return replace(self, table=read_csv(found[0]), name=found[0].name) if found else None


@dataclass(frozen=True)
class Rows:
    """What a label file says, row by row.

    Attributes:
        files: the film of each row, as the file names it.
        findings: the names of the columns of `states`.
        states: (rows, findings) int8, see `states.py`.
        groups: the patient of each row, "" for unknown; empty where the file names none.
        views: the view of each row, as the file writes it; empty where it names none.
        parts: the author's own split, "" for none; empty where the file has none.
        notes: what was done, and what was not understood.
        several: how the rows of one film become one: those of "agree" should say the same, the
            others are different readers, or boxes.
    """

    files: Sequence[str]
    findings: Sequence[str]
    states: States
    groups: Sequence[str] = ()
    views: Sequence[str] = ()
    parts: Sequence[str] = ()
    notes: Sequence[str] = ()
    several: Literal["agree", "any", "majority"] = "agree"


def one_row_per_film(rows: Rows, name: str) -> Rows:
    """Return the rows of each film as one, in the order of their first rows.

    Known beats missing; 1 and 0 contradict each other, -1 and a known one stay uncertain. Of
    several readers any positive counts, or what more than half of those say who say something.

    Raises:
        DataError: A row names no film, or rows of one film differ in patient, view or part.
    """
    empty = [f"row {row + 1:,}" for row, file in enumerate(rows.files) if not file]
    if empty:
        raise DataError(f"{name} has rows without a file ({len(empty):,}):\n{listing(empty)}")
    members = list(rows_by_name([posix_file(file) for file in rows.files]).values())
    if len(members) == len(rows.files):
        return rows
    first = [held[0] for held in members]
    states = rows.states[first].copy()
    for place, held in enumerate(members):
        if len(held) > 1:
            states[place] = _combined(rows.states[held], rows.several)
    groups, views, parts = (
        _same(getattr(rows, what), members, rows.files, f"{name}: {what}")
        for what in ("groups", "views", "parts")
    )
    return replace(
        rows,
        files=[rows.files[row] for row in first],
        states=states,
        groups=groups,
        views=views,
        parts=parts,
        notes=[*rows.notes, *_told(rows, states, members)],
    )


def _combined(states: States, several: str) -> States:
    """Return the (findings,) states that several rows of one film say together."""
    positive, negative = (states == POSITIVE).sum(axis=0), (states == NEGATIVE).sum(axis=0)
    result = states.max(axis=0)  # the best known of MISSING, TORN and UNREAD
    result[((states == UNREAD).any(axis=0)) & (result == MISSING)] = UNREAD
    known = positive + negative > 0
    result[known] = np.where(positive > 0, POSITIVE, NEGATIVE)[known]
    if several == "majority":
        result[known] = np.where(positive > negative, POSITIVE, NEGATIVE)[known]
        result[known & (positive == negative)] = TORN
    elif several == "agree":
        result[(states == UNCERTAIN).any(axis=0)] = UNCERTAIN
        result[(positive > 0) & (negative > 0)] = TORN
    return result


def _same(
    values: Sequence[str], members: Sequence[Sequence[int]], files: Sequence[str], what: str
) -> list[str]:
    """Return the one value of each film, none where the label file has none."""
    if not values:
        return []
    told = [sorted({values[row] for row in held} - {""}) for held in members]
    torn = [
        f"{files[held[0]]}: {' and '.join(map(repr, known))}"
        for known, held in zip(told, members, strict=True)
        if len(known) > 1
    ]
    if torn:
        raise DataError(
            f"{what} of one film differ between its rows ({len(torn):,}). Correct the rows, or "
            f"keep one of each:\n{listing(torn)}"
        )
    return [known[0] if known else "" for known in told]


def _told(rows: Rows, states: States, members: Sequence[Sequence[int]]) -> list[str]:
    extra = len(rows.files) - len(members)
    films = sum(len(held) > 1 for held in members)
    notes = [f"{extra:,} further row(s) of {films:,} film(s), each film read as one"]
    differ = np.zeros(states.shape, bool)
    for place, held in enumerate(members):
        some = rows.states[held]
        differ[place] = (some == POSITIVE).any(axis=0) & (some == NEGATIVE).any(axis=0)
    if rows.several == "agree":
        return notes + counted(
            "rows of one film contradict each other, read as unknown", rows.findings, differ
        )
    how = {
        "any": "read as 1, as any positive counts",
        "majority": "read as most say, and as unknown where as many say 1 as 0",
    }[rows.several]
    return notes + counted(f"rows of one film differ, {how}", rows.findings, differ)


def patient_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return patients with one spelling for each number, and notes.

    Spreadsheets write 00005 as 5 and as 5.0. Where one number is spelt in several ways, all get the
    shortest, for a patient in two parts is worse than two patients in one.

    Args:
        names: of patients, "" for unknown.
    """
    spellings: dict[str, set[str]] = defaultdict(set)
    numbers: dict[str, str] = {}
    for name in set(names):
        whole = name[:-2] if name.endswith(".0") else name
        if whole.isdecimal() and whole.isascii():
            numbers[name] = whole.lstrip("0") or "0"
            spellings[numbers[name]].add(name)
    several = {number for number, spelt in spellings.items() if len(spelt) > 1}
    found = [numbers[name] if numbers.get(name) in several else name for name in names]
    if not several:
        return found, []
    one = min(several)
    return found, [
        f"{len(several):,} patient(s) whose number is spelt in several ways, such as "
        f"{' and '.join(map(repr, sorted(spellings[one])))}, are taken as one each"
    ]


def pick(values: Sequence[Any], rows: Sequence[int]) -> list[Any]:
    """Return the chosen rows of a sequence that may be empty for unknown."""
    return [values[row] for row in rows] if len(values) else []
