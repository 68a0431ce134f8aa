"""Carry out what an audit (or its reader) decided: files to drop, to group, to label anew."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import pandas as pd

from keras_cxr.data.catalog import Catalog, listing
from keras_cxr.data.tables.columns import said
from keras_cxr.data.tables.csv_files import as_table
from keras_cxr.data.tables.joining import join_table
from keras_cxr.errors import DataError

_COLUMNS = ("file", "action", "group", "label")
_NEEDS = {"drop": "", "group": "group", "relabel": "label"}
"""The actions, and the column that each needs a value in."""


@dataclass(frozen=True)
class Actions:
    """What is to be done to the rows of a catalog; made by `read_actions`.

    Attributes:
        dropped: the rows that are left out.
        groups: rows that belong together.
        labels: the new class of a row.
        suggestions: how many rows of the table were suggestions, such as `relabel?`.
    """

    dropped: frozenset[int]
    groups: tuple[tuple[int, ...], ...]
    labels: dict[int, str]
    suggestions: int

    def __str__(self) -> str:
        held = sum(map(len, self.groups))
        text = (
            f"audit: {len(self.dropped):,} images dropped, {len(self.labels):,} labelled anew, "
            f"{held:,} kept together in {len(self.groups):,} groups"
        )
        if self.suggestions:
            text += (
                f"; {self.suggestions:,} suggestions are not used: remove the question mark of "
                "their action to accept"
            )
        return text


NO_ACTIONS = Actions(frozenset(), (), {}, 0)


class _ActionRow(NamedTuple):
    number: int
    place: int
    file: str
    action: str
    group: str
    label: str

    def __str__(self) -> str:
        return f"row {self.number} ({self.file or 'no file'})"


def read_actions(audit: str | os.PathLike[str] | pd.DataFrame, catalog: Catalog) -> Actions:
    """Return what a table of actions says about the rows of a catalog.

    Args:
        audit: a CSV file or DataFrame with the columns file (relative to the catalog's root) and
            action: "drop"; "group", which needs the column group; "relabel", which needs the
            column label. Each with a question mark is a suggestion, and not carried out. Other
            columns, such as reason, are for people.
        catalog: the images.

    Raises:
        NotFoundError: There is no such file.
        DataError: Columns are missing, or rows cannot be carried out; all of them are named.
    """
    rows = _rows(as_table(audit, "audit"), catalog)
    problems = [*_problems(rows, catalog), *_contradictions(rows)]
    if problems:
        raise DataError(
            f"The table of actions has {len(problems):,} row(s) that cannot be carried out:\n"
            f"{listing(problems)}"
        )
    groups = defaultdict(list)
    for row in rows:
        if row.action == "group":
            groups[row.group].append(row.place)
    return Actions(
        dropped=frozenset(row.place for row in rows if row.action == "drop"),
        groups=tuple(tuple(members) for members in groups.values() if len(set(members)) > 1),
        labels={row.place: row.label for row in rows if row.action == "relabel"},
        suggestions=sum(row.action.endswith("?") for row in rows),
    )


def relabelled(catalog: Catalog, actions: Actions) -> Catalog:
    """Return the catalog with new labels, and with the classes that it had before."""
    entries = tuple(
        entry._replace(label=actions.labels.get(row, entry.label))
        for row, entry in enumerate(catalog.entries)
    )
    return replace(catalog, entries=entries, names=catalog.class_names)


def _rows(table: pd.DataFrame, catalog: Catalog) -> list[_ActionRow]:
    known = [entry.file for entry in catalog.entries]
    name = "The table of actions"
    joined = join_table(table, known, name=name, root=catalog.root, meanings=_COLUMNS[1:])
    cells = joined.columns.cells
    if "action" not in cells:
        raise DataError(f"{name} lacks the column(s) action; it has {said(table)}")
    columns = [cells.get(column, [""] * len(table)) for column in _COLUMNS]
    return [
        _ActionRow(number, place, known[place] if place >= 0 else file, *rest)
        for number, place, (file, *rest) in zip(
            range(1, len(table) + 1), joined.places, zip(*columns, strict=True), strict=True
        )
    ]


def _problems(rows: Iterable[_ActionRow], catalog: Catalog) -> Iterator[str]:
    for row in rows:
        action = row.action.removesuffix("?")
        if action not in _NEEDS:
            yield f"{row}: the action {row.action!r} is none of {', '.join(_NEEDS)}"
        elif row.place < 0:
            near = f", such as {catalog.entries[0].file}"
            yield f"{row}: this file is not among the {len(catalog.entries):,} images{near}"
        elif row.action.endswith("?"):
            continue
        elif _NEEDS[action] and not getattr(row, _NEEDS[action]):
            yield f"{row}: the action {action} needs a value in the column {_NEEDS[action]}"
        elif action == "relabel" and row.label not in catalog.class_names:
            classes = ", ".join(catalog.class_names)
            yield f"{row}: the label {row.label!r} is none of the classes {classes}"


def _contradictions(rows: Iterable[_ActionRow]) -> Iterator[str]:
    wanted = {(row.file, row.label): row for row in rows if row.action == "relabel"}
    times = Counter(file for file, _ in wanted)
    for row in wanted.values():
        if times[row.file] > 1:
            yield f"{row}: the label {row.label!r} is one of {times[row.file]} for this file"
