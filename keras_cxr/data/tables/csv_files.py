"""CSV files of any usual kind as tables of text."""

import codecs
import csv
import gzip
import io
import os
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr._support.text.csv_cells import unguarded
from keras_cxr.data.catalog import exists, near_name
from keras_cxr.errors import DataError, InvalidArgumentError, NotFoundError

_MARKS = {  # the longest first: that of UTF-32 begins as that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DELIMITERS = ",;\t"
_LINE = b"\n"
_HEAD = 1 << 16  # bytes that hold any header
_GZIP = b"\x1f\x8b"
_MOST = 1 << 30  # bytes that a gzip file may unpack to: PadChest's labels are a seventh


def as_table(table: Any, name: str) -> pd.DataFrame:
    """Return a table that the user passed: a DataFrame as it is, a CSV file read.

    Args:
        table: a DataFrame, or the path of a CSV file.
        name: the argument's name, for the error.

    Raises:
        InvalidArgumentError: It is something else.
        NotFoundError, DataError: See `read_csv`.
    """
    if isinstance(table, pd.DataFrame):
        return table
    if not isinstance(table, str | os.PathLike):
        raise InvalidArgumentError(
            f"{name} must be a CSV file or a DataFrame, received {type(table).__name__}"
        )
    return read_csv(table)


def table_of(data: Any) -> pd.DataFrame | None:
    """Return the table that data are given as, a DataFrame or a CSV file; None for anything else.

    Raises:
        NotFoundError, DataError: See `read_csv`.
    """
    if isinstance(data, pd.DataFrame):
        return data
    if not isinstance(data, str | os.PathLike):
        return None
    path = Path(data).expanduser()
    return read_csv(path) if path.suffix.lower() == ".csv" and not path.is_dir() else None


def read_csv(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return a CSV file's columns as text, "" for empty cells.

    Between the cells stands a comma; where the header holds none, a semicolon or a tab, as Excel
    writes them in many countries. The text is UTF-8, or what a byte order mark says; a file that
    is gzip is unpacked. Text such as
    '=A1, which spreadsheets are told by the apostrophe to take as it is, comes without it.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no CSV file, names a column twice, or its rows are longer than its header.
    """
    file = Path(path).expanduser()
    if exists(file) and not file.is_file():
        raise DataError(f"{file} cannot be read as a CSV file: it is a folder, pipe or device")
    if not os.path.isfile(file):  # noqa: PTH113  Path.is_file() raises for names that are too long
        raise NotFoundError(f"There is no file {file}{near_name(file)}")
    try:
        content = _as_utf8(_unpacked(file.read_bytes()))
        names, delimiter = _header(content)
        _refuse_twice(names, file)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.BytesIO(content),
                sep=delimiter,
                dtype=str,
                keep_default_na=False,
                skipinitialspace=delimiter != "\t",
                index_col=False,  # else one cell more in each row moves all columns by one
            )
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file} cannot be read as a CSV file: it is no {error.encoding} in line "
            f"{error.object.count(_LINE, 0, error.start) + 1:,}. Save it as UTF-8."
        ) from error
    except pd.errors.ParserWarning as error:
        raise DataError(
            f"{file} cannot be read as a CSV file: its rows have more cells than its header has "
            f"names ({', '.join(names)}). Name every column, or delete what ends the rows."
        ) from error
    except (ValueError, OSError, EOFError, zlib.error, csv.Error) as error:
        if isinstance(error, DataError):
            raise
        text = str(error).strip().partition("C error: ")
        raise DataError(f"{file} cannot be read as a CSV file: {text[2] or text[0]}") from error
    table = table.rename(columns=str.strip)
    return unguarded(table) if b"'" in content else table


_NUL = "it holds NUL bytes, as damaged files do, and UTF-16 without a mark. Save it as UTF-8."


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(_GZIP):
        return content
    with gzip.open(io.BytesIO(content)) as file:
        text = file.read(_MOST + 1)
    if len(text) > _MOST:
        raise ValueError(f"it is gzip that unpacks to more than {_MOST:,} bytes. Unpack it first.")
    return text


def _as_utf8(content: bytes) -> bytes:
    encoding = next((_MARKS[mark] for mark in _MARKS if content.startswith(mark)), "utf-8")
    if encoding.startswith("utf-8") and b"\0" in content:
        raise ValueError(_NUL)
    text = content.decode(encoding)  # also where it is UTF-8: pandas says no place in the file
    if "\0" in text:
        raise ValueError(_NUL)
    return content if encoding == "utf-8" else text.encode()


def _header(content: bytes) -> tuple[list[str], str]:
    """Return the names of the columns and what stands between them."""
    lines = content[:_HEAD].decode(errors="replace").splitlines()
    line = next((line for line in lines if line.strip()), "")
    found = {mark: next(csv.reader([line], delimiter=mark), []) for mark in _DELIMITERS}
    delimiter = "," if len(found[","]) > 1 else max(found, key=lambda mark: len(found[mark]))
    return [name.strip() for name in found[delimiter]], delimiter


def _refuse_twice(names: list[str], file: Path) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise DataError(
            f"{file} names the column(s) {', '.join(twice)} more than once. Rename or delete all "
            "but one."
        )
