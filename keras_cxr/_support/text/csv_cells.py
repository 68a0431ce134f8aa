"""CSV files whose cells stay text in a spreadsheet.

A cell that begins with =, +, -, @, a tab or a line's end is a formula there, and names of files and
classes may begin so. Such text is written with an apostrophe before it, as spreadsheets
themselves do; `unguarded` takes it away again. Numbers are written as they are.
"""

import re
from collections.abc import Callable
from typing import Any

import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")


def csv_text(table: pd.DataFrame, *, index: bool = False) -> str:
    """Return a table as CSV text, its cells and the names of its columns and rows guarded.

    Args:
        table: what to write.
        index: whether to write the names of the rows.
    """
    shown = _mapped(table, _guarded)
    if index:
        shown = shown.rename(index=_guarded)
    return shown.to_csv(index=index, lineterminator="\n")


def unguarded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that was read from `csv_text` with its texts and names as they were."""
    return _mapped(table, _bare)


def _mapped(table: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    shown = table.copy()
    for place, dtype in enumerate(table.dtypes):  # by place: two columns may have one name
        if not pd.api.types.is_numeric_dtype(dtype):
            shown.isetitem(place, [change(cell) for cell in table.iloc[:, place]])
    return shown.rename(columns=change)


def _guarded(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _bare(cell: Any) -> Any:
    return cell[1:] if isinstance(cell, str) and _GUARDED.match(cell) else cell
