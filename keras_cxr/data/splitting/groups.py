"""Groups that the user names: a mapping from file to group, or a table."""

import os
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from keras_cxr.data.catalog import Catalog
from keras_cxr.data.tables.columns import (
    COLUMNS,
    Columns,
    cell_texts,
    find_column,
    lacking,
    meaning,
)
from keras_cxr.data.tables.csv_files import as_table, table_of
from keras_cxr.data.tables.joining import JoinedTable, join_table
from keras_cxr.errors import DataError, InvalidArgumentError

Groups = str | os.PathLike[str] | pd.DataFrame | Mapping[str, str] | pd.Series


def check_group_column(column: str | None, groups: Groups | None) -> None:
    """Refuse a name for the column of groups where there is no table of groups.

    Raises:
        InvalidArgumentError: There is none.
    """
    if column is not None and (groups is None or isinstance(groups, Mapping | pd.Series)):
        raise InvalidArgumentError(
            "group_column names a column of the table groups=, but groups is no table"
        )


def names_groups(groups: Groups, *, column: str | None, split_by: str | None) -> bool:
    """Return whether `groups` names groups; a table may serve for sources alone."""
    table = None if column is not None or split_by is None else table_of(groups)
    if table is None or find_column(table, str(split_by)) is None:
        return True
    return any(meaning(name) == "group" for name in table.columns)


def with_groups(catalog: Catalog, groups: Groups, *, column: str | None = None) -> Catalog:
    """Return the catalog with each file's group looked up; files that are not named keep theirs.

    Args:
        catalog: the images
        groups: a mapping from file to group, a Series with files as its index, or a DataFrame or
            CSV file with a column `file`
        column: the table's column of groups; by default that of a usual name, see
            `columns.COLUMNS`

    Raises:
        DataError: The table lacks the columns, names none of the catalog's files, or one of them
            with two groups.
    """
    if isinstance(groups, Mapping | pd.Series):
        joined, names = _join_mapping(catalog, groups)
    else:
        joined, names = _join_table(catalog, as_table(groups, "groups"), column)
    of_each = joined.of_each(names, "The table of groups")
    joined.check_named()
    entries = tuple(
        entry if group is None else entry._replace(group=group)
        for entry, group in zip(catalog.entries, of_each, strict=True)
    )
    notes = joined.columns.notes
    if joined.num_missing:
        rest = f"{joined.num_missing:,} image(s) are not in the table of groups"
        notes = (*notes, f"{rest}: each is its own")
    return replace(catalog, entries=entries, notes=(*catalog.notes, *notes))


def _join_mapping(
    catalog: Catalog, groups: "Mapping[str, str] | pd.Series"
) -> tuple[JoinedTable, list[str]]:
    given = groups if isinstance(groups, pd.Series) else pd.Series(groups, dtype=object)
    cells = {"file": [str(file) for file in given.index]}
    files = [entry.file for entry in catalog.entries]
    joined = JoinedTable("groups", Columns({}, cells, ()), files, catalog.root)
    return joined, cell_texts(given)


def _join_table(
    catalog: Catalog, table: pd.DataFrame, column: str | None
) -> tuple[JoinedTable, list[str]]:
    needed = ("file", column or " or ".join(COLUMNS["group"]))
    problem = lacking("The table of groups", needed, table)
    error = DataError(f"{problem}. Pass group_column= for another name.")
    joined = join_table(
        table,
        [entry.file for entry in catalog.entries],
        name="groups",
        root=catalog.root,
        meanings=() if column is not None else ("group",),
        error=error,
    )
    chosen = joined.columns.names.get("group") if column is None else find_column(table, column)
    if chosen is None:
        raise error
    return joined, cell_texts(table[chosen])
