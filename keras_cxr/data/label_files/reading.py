"""Read a label file of any known kind: its rows, one for each film, its labels as asked for."""

import difflib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.checks import check_choice, check_integer
from keras_cxr.data.catalog import existing_folder
from keras_cxr.data.finding.spellings import spelling_notes
from keras_cxr.data.label_files.films import find_films
from keras_cxr.data.label_files.kinds.registry import kind_of_file
from keras_cxr.data.label_files.label_table import LabelTable
from keras_cxr.data.label_files.rows import LabelSource, Readers, Rows, one_row_per_film, pick
from keras_cxr.data.label_files.states import MISSING, NEGATIVE, POSITIVE, UNCERTAIN, counted
from keras_cxr.data.label_files.views import check_views, films_of_views, view_name
from keras_cxr.data.tables.columns import check_table
from keras_cxr.data.tables.csv_files import as_table
from keras_cxr.errors import DataError, InvalidArgumentError

_UNCERTAIN = {"ignore": np.nan, "negative": 0.0, "positive": 1.0}
_MISSING = {"ignore": np.nan, "negative": 0.0}


def read_label_file(
    path: str | os.PathLike[str] | pd.DataFrame,
    *,
    kind: str = "auto",
    root: str | os.PathLike[str] | None = None,
    uncertain: Literal["ignore", "negative", "positive"] = "ignore",
    missing: Literal["ignore", "negative"] = "ignore",
    views: Sequence[str] | str | None = None,
    findings: Sequence[str] | None = None,
    min_positive: int = 0,
    readers: Readers = "any",
    separator: str | None = None,
) -> LabelTable:
    """Return the findings of the films that a label file names.

    The kinds "nih", "chexpert", "mimic", "rsna", "padchest", "vindr" and "radiography" are
    recognised by their columns; "list" is any table with the columns file and label (such as
    "Effusion|Mass"), "columns" any with the column file and columns of 0 and 1. Further files of
    the data set (NIH's lists, MIMIC's films and split, RSNA's classes) are read where they lie
    beside it. Nothing is guessed in silence: `notes` counts all that was left out or changed.

    What it does not show: whether the labels are right. Those of NIH, CheXpert, MIMIC and most of
    PadChest were mined from reports by a program.

    Args:
        path: the CSV file, plain or gzip, or a DataFrame; beside that no further files are looked
            for.
        kind: of label file, where it is not to be recognised.
        root: the folder of the images; films that do not lie below it are left out and counted.
        uncertain: what -1 becomes: unknown, 0 or 1 (CheXpert's U-Ignore, U-Zeros and U-Ones).
        missing: what a blank becomes: unknown or 0.
        views: the views to keep, such as ("PA", "AP"), "L" for laterals; None for all.
        findings: the findings to keep; None for all.
        min_positive: findings with fewer positive films are left out and noted.
        readers: where several people read a film (VinDr), whether any positive counts, or what
            more than half of them say.
        separator: between the names of a list; None where the file tells.

    Raises:
        NotFoundError: There is no such file or folder.
        DataError: It is of no known kind, the error lists them; cells that must be there are not;
            rows of one film differ in more than labels; no film or no finding is left.
        InvalidArgumentError: An argument is none of those that can be passed.

    Example:
        >>> films = pd.DataFrame({"file": ["a.png", "b.png"], "label": ["Mass", "No Finding"]})
        >>> read_label_file(films).labels
        array([[1.],
               [0.]], dtype=float32)
    """
    check_choice("uncertain", uncertain, _UNCERTAIN)
    check_choice("missing", missing, _MISSING)
    check_choice("readers", readers, ("any", "majority"))
    least = check_integer("min_positive", min_positive, least=0)
    wished = check_views(views)
    _check_separator(separator)
    folder = None if root is None else existing_folder(root)
    source = _source(path, readers, separator)
    found = kind_of_file(source, kind)
    rows = found.parse(source)
    _check_filled(rows, source.name)
    rows = _of_findings(rows, findings, source.name)
    rows = one_row_per_film(rows, source.name)
    rows = replace(rows, views=[view_name(view) for view in rows.views])
    chosen, notes = films_of_views(rows.views, wished, len(rows.files), source.name)
    rows = _of_films(rows, chosen, notes)
    paths: list[str] = []
    if folder is not None:
        paths, notes = find_films(rows.files, folder)
        chosen = [row for row, file in enumerate(paths) if file]
        rows = _of_films(rows, chosen, notes)
        paths = pick(paths, chosen)
    labels, notes = _labels(rows, uncertain, missing)
    columns, more = _frequent(rows.findings, labels, least, source.name)
    labels = labels[:, columns]
    labels.setflags(write=False)
    kept = pick(rows.findings, columns)
    none = ("",) * len(rows.files)
    return LabelTable(
        files=tuple(rows.files),
        findings=tuple(kept),
        labels=labels,
        groups=tuple(rows.groups) or none,
        views=tuple(rows.views) or none,
        parts=tuple(rows.parts) or none,
        paths=tuple(paths),
        kind=found.name,
        notes=(*rows.notes, *notes, *more, *_about(labels, kept), *spelling_notes(kept, "finding")),
    )


def _source(
    path: str | os.PathLike[str] | pd.DataFrame, readers: Readers, separator: str | None
) -> LabelSource:
    table = as_table(path, "path")
    if isinstance(path, pd.DataFrame):
        name, folder = "the DataFrame", None
    else:
        file = Path(path).expanduser()
        name, folder = file.name, file.parent
    check_table(table, name)
    if len(table) == 0:
        raise DataError(f"{name} has no rows; expected one or more for each film")
    return LabelSource(table, name, folder, readers, separator)


def _check_separator(separator: str | None) -> None:
    if separator is not None and (not isinstance(separator, str) or not separator):
        raise InvalidArgumentError(
            f"separator must be the text between two findings, such as '|', received {separator!r}"
        )


def _check_filled(rows: Rows, name: str) -> None:
    """Refuse a label file that leaves no finding or no film."""
    told = "".join(f"\n  {note}" for note in rows.notes)
    if not rows.findings:
        raise DataError(f"{name} names no finding: every film is blank or without any.{told}")
    if not rows.files:
        raise DataError(f"{name} leaves no film.{told}")


def _of_findings(rows: Rows, wished: Sequence[str] | None, name: str) -> Rows:
    """Return the wished findings, in the order of their names.

    Raises:
        InvalidArgumentError: One is not there, or it is no list.
    """
    if isinstance(wished, str) or (wished is not None and not np.iterable(wished)):
        raise InvalidArgumentError(f"findings must be a list of names, received {wished!r}")
    held = list(rows.findings)
    chosen = held if wished is None else list(wished)
    if not chosen:
        raise InvalidArgumentError("findings must name a finding, received none")
    for one in chosen:
        if one not in held:
            near = difflib.get_close_matches(str(one), held, n=1)
            hint = f". Did you mean {near[0]!r}?" if near else ""
            raise InvalidArgumentError(
                f"findings names {one!r}, which {name} does not have; it has "
                f"{', '.join(sorted(held))}{hint}"
            )
    columns = sorted({held.index(one) for one in chosen}, key=held.__getitem__)
    others = [one for one in held if one not in chosen]
    told = f"left out, as findings= does not name them: {', '.join(others)}"
    return replace(
        rows,
        findings=pick(held, columns),
        states=rows.states[:, columns],
        notes=[*rows.notes, told] if others else rows.notes,
    )


def _of_films(rows: Rows, chosen: list[int], notes: list[str]) -> Rows:
    """Return the chosen films, with further notes."""
    return replace(
        rows,
        files=pick(rows.files, chosen),
        states=rows.states[chosen],
        groups=pick(rows.groups, chosen),
        views=pick(rows.views, chosen),
        parts=pick(rows.parts, chosen),
        notes=[*rows.notes, *notes],
    )


def _labels(rows: Rows, uncertain: str, missing: str) -> tuple[NDArray[np.float32], list[str]]:
    """Return the labels that the states stand for, and what was done to how many."""
    labels = np.full(rows.states.shape, np.nan, np.float32)
    notes = []
    for state, value in ((POSITIVE, 1.0), (NEGATIVE, 0.0), (UNCERTAIN, _UNCERTAIN[uncertain]),
                         (MISSING, _MISSING[missing])):  # fmt: skip
        labels[rows.states == state] = value
    for what, state, value in (
        ("uncertain", UNCERTAIN, _UNCERTAIN[uncertain]),
        ("missing", MISSING, _MISSING[missing]),
    ):
        read = "unknown" if np.isnan(value) else f"{value:.0f}"
        notes += counted(f"{what}, read as {read}", rows.findings, rows.states == state)
    return labels, notes


def _frequent(
    findings: Sequence[str], labels: NDArray[np.float32], least: int, name: str
) -> tuple[list[int], list[str]]:
    """Return the columns of the findings that have enough positive films, and notes.

    Raises:
        DataError: None has.
    """
    positives = (labels == 1.0).sum(axis=0).tolist()
    columns = [place for place, number in enumerate(positives) if number >= least]
    rare = ", ".join(
        f"{finding} {number:,}"
        for finding, number in zip(findings, positives, strict=True)
        if number < least
    )
    if not columns:
        raise DataError(
            f"{name} leaves no finding with {least:,} positive films or more: {rare}. Lower "
            "min_positive."
        )
    return columns, [f"left out, with fewer than {least:,} positive films: {rare}"] if rare else []


def _about(labels: NDArray[np.float32], findings: Sequence[str]) -> list[str]:
    """Return notes on what no model can learn from."""
    notes = []
    for what, value in (("positive", 1.0), ("negative", 0.0)):
        absent = ~(labels == value).any(axis=0)
        if absent.any():
            names = ", ".join(name for name, gone in zip(findings, absent, strict=True) if gone)
            notes.append(f"findings without any {what} film: {names}")
    unknown = int(np.isnan(labels).all(axis=1).sum())
    return [*notes, f"{unknown:,} film(s) without any known label"] if unknown else notes
