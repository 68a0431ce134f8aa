"""Tables as text that fits the terminal: no line is wrapped inside a word."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd

from keras_cxr._support.text.names import printable

NO_NUMBER = "\N{EN DASH}"
"""What stands where a number is not defined, in text and tables."""

_GAP = "  "
_NARROWEST = 16
"""No column of text is made narrower than this; further columns go into a block below."""


def table_text(
    table: pd.DataFrame, *, digits: int | Sequence[int] = 3, width: int | None = None
) -> str:
    """Return a table as lines that fit the terminal.

    Headings break at spaces and underscores, sentences between words, and paths lose their
    beginning, each only where the table would not fit otherwise. What still does not fit goes
    into a second block below that repeats the first column. Nothing is shortened where standard
    output is no terminal, so that pipes and files get whole rows.

    Args:
        table: its index is not shown
        digits: behind the point in columns of floats, for all or for each column
        width: in characters; by default the terminal's, or any where there is none
    """
    if width is None and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
    if isinstance(digits, int):
        digits = [digits] * table.shape[1]
    columns = [
        _Column(str(name), table.iloc[:, place], digits[place]) for place, name in enumerate(table)
    ]
    if width is None or _total(columns) <= width:
        return _lines(columns)
    for column in columns:
        column.break_heading()
    texts = sorted((one for one in columns if one.is_text), key=lambda one: -one.width)
    for column in texts:
        column.narrow(column.width - max(0, _total(columns) - width))
    first, blocks = columns[0], [columns[:1]]
    for column in columns[1:]:
        if _total([*blocks[-1], column]) > width and len(blocks[-1]) > 1:
            blocks.append([first])
        blocks[-1].append(column)
    return "\n\n".join(map(_lines, blocks))


class _Column:
    """A heading and cells, each a list of lines."""

    def __init__(self, name: str, values: "pd.Series[Any]", digits: int) -> None:
        self.is_text = not pd.api.types.is_numeric_dtype(values)
        is_float = pd.api.types.is_float_dtype(values)
        self.heading = [name]
        self.cells = [
            [
                (NO_NUMBER if pd.isna(value) else f"{value:.{digits}f}")
                if is_float
                else _one_line(value)
            ]
            for value in values
        ]

    @property
    def width(self) -> int:
        return max(len(line) for cell in (self.heading, *self.cells) for line in cell)

    def break_heading(self) -> None:
        self.heading = self.heading[0].replace("_", "_ ").split(" ") if self.heading[0] else [""]

    def narrow(self, width: int) -> None:
        if width >= self.width:
            return
        width = max(width, _NARROWEST)
        self.cells = [_narrowed(cell[0], width) for cell in self.cells]

    def lines(self, cell: Sequence[str], height: int, width: int) -> list[str]:
        padded = [*cell, *[""] * (height - len(cell))]
        return [line.ljust(width) if self.is_text else line.rjust(width) for line in padded]


def _one_line(value: Any) -> str:
    return printable(str(value)).replace("\n", "\\n").replace("\t", "\\t")


def _narrowed(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    if " " in text and "/" not in text:
        return textwrap.wrap(text, width)
    return ["…" + text[len(text) - width + 1 :]]


def _total(columns: Sequence[_Column]) -> int:
    return sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1)


def _lines(columns: Sequence[_Column]) -> str:
    widths = [column.width for column in columns]
    rows = zip(*([one.heading, *one.cells] for one in columns), strict=True)
    lines = []
    for cells in rows:
        height = max(map(len, cells))
        parts = [
            column.lines(cell, height, width)
            for column, cell, width in zip(columns, cells, widths, strict=True)
        ]
        lines += [_GAP.join(line).rstrip() for line in zip(*parts, strict=True)]
    return "\n".join(lines)
