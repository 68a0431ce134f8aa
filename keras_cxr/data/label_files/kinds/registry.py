"""The kinds of label files that are known, as a table: a new one is a file and a row here."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from keras_cxr._support.checks import check_choice
from keras_cxr.data.label_files.kinds import (
    chexpert,
    general,
    nih,
    padchest,
    radiography,
    rsna,
    vindr,
)
from keras_cxr.data.label_files.rows import LabelSource, Rows
from keras_cxr.data.tables.columns import find_column, lacking, said
from keras_cxr.errors import DataError

_NEAR = 0.75  # of difflib: a letter or two wrong in a word of eight


@dataclass(frozen=True)
class Kind:
    """One kind of label file.

    Attributes:
        name: what `kind=` calls it; two forms of one data set share it.
        columns: by which it is recognised; it has them all.
        parse: makes rows of it.
        fits: what else the table must be; None for nothing.
        needs: what an error says that it needs, where columns alone do not tell.
    """

    name: str
    columns: tuple[str, ...]
    parse: Callable[[LabelSource], Rows]
    fits: Callable[[LabelSource], bool] | None = None
    needs: str = ""

    def missing(self, source: LabelSource) -> tuple[str, ...]:
        """Return the columns that a table lacks to be of this kind."""
        return tuple(name for name in self.columns if find_column(source.table, name) is None)


# the first that fits is taken: the two that take any table come last
KINDS = (
    Kind("nih", nih.COLUMNS, nih.parse_nih),
    Kind("chexpert", chexpert.CHEXPERT, chexpert.parse_chexpert),
    Kind("mimic", chexpert.MIMIC, chexpert.parse_mimic),
    Kind("rsna", rsna.COLUMNS, rsna.parse_rsna, rsna.is_rsna),
    Kind("padchest", padchest.COLUMNS, padchest.parse_padchest),
    Kind("vindr", vindr.BOXES, vindr.parse_vindr_boxes),
    Kind("vindr", vindr.COLUMNS, vindr.parse_vindr_columns),
    Kind("radiography", radiography.COLUMNS, radiography.parse_radiography),
    Kind("list", (), general.parse_list, general.is_list, "file, label (a list of findings)"),
    Kind("columns", (), general.parse_columns, general.is_columns, "file, columns of 0 and 1"),
)
NAMES = tuple(dict.fromkeys(kind.name for kind in KINDS))


def kind_of_file(source: LabelSource, name: str = "auto") -> Kind:
    """Return the kind of a label file, by its columns or as named.

    Raises:
        InvalidArgumentError: There is no kind of that name.
        DataError: The table is of no kind that is known, or lacks columns of the one named.
    """
    check_choice("kind", name, ("auto", *NAMES))
    named = [kind for kind in KINDS if name in ("auto", kind.name)]
    for kind in named:
        if not kind.missing(source) and (name != "auto" or kind.fits is None or kind.fits(source)):
            return kind
    if name != "auto":
        best = min(named, key=lambda kind: len(kind.missing(source)))
        raise lacking(source.name, best.missing(source), source.table)
    raise DataError(
        f"{source.name} is no label file of a known kind. It has the columns {said(source.table)}; "
        f"the kinds and what each is recognised by:\n{_told()}{_nearest(source)}"
    )


def _told() -> str:
    return "\n".join(f"  {kind.name}: {kind.needs or ', '.join(kind.columns)}" for kind in KINDS)


def _nearest(source: LabelSource) -> str:
    """Return for an error which columns are nearly those of a kind."""
    wanted = {name.lower(): name for kind in KINDS for name in (*kind.columns, "file", "label")}
    near = []
    for column in map(str, source.table.columns):
        match = difflib.get_close_matches(column.lower(), wanted, n=1, cutoff=_NEAR)
        if match and wanted[match[0]] != column:
            near.append(f"{column!r} is nearly {wanted[match[0]]!r}")
    return f"\nNearest names: {'; '.join(near)}" if near else ""
