"""Tables that are written here and read back: exact texts, and one column for each class."""

import os
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.text.csv_cells import unguarded
from keras_cxr._support.text.names import unshown
from keras_cxr.errors import DataError, NotFoundError

PREDICTION_SET = "prediction_set"

FIXED_COLUMNS = frozenset(
    {
        "file", "real", "predicted", "correct",  # of `Evaluation.predictions`, and `predict`
        "narrow", "unusual", "unusual_score", PREDICTION_SET,  # of `predict`
        "label", "suggested", "confidence", "margin", "suspicious",  # of suspicious labels
    }
)  # fmt: skip
"""Columns of all such tables that are no classes: one list, so that a class has one name in all."""


_PATHS = frozenset({"file", "mask"})


def read_written(path: str | os.PathLike[str], columns: Sequence[str]) -> pd.DataFrame:
    """Return a CSV file that was written here, every cell as the text it was.

    No cell is taken for a number, so that the classes `01` and `1.0` stay what they are.

    Args:
        path: the file.
        columns: what it must have.

    Raises:
        NotFoundError: (a FileNotFoundError) there is no such file.
        DataError: (a ValueError) it is damaged or lacks a column.
    """
    if not os.path.isfile(path):  # noqa: PTH113  `path` need be no Path
        raise NotFoundError(f"There is no file {path}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows that are too long
            table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
    except (ValueError, OSError, pd.errors.ParserWarning) as error:
        raise DataError(f"{path} cannot be read: {str(error).strip()}. It is damaged.") from error
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(f"{path} is damaged: it lacks the column(s) {', '.join(missing)}.")
    table = unguarded(table.fillna(""))
    # labels are held as they are shown, files by the names that open them
    return table.assign(**{name: table[name].map(unshown) for name in _PATHS & {*table.columns}})


def probability_columns(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the name of each class's column of probabilities: that of the class itself.

    A class that is called like a fixed column, such as `real`, in capitals or not, has the
    column `probability of real`. So no class can overwrite anything.

    Args:
        class_names: the classes by index, all different.
    """
    taken = set(FIXED_COLUMNS)
    columns = []
    for name in map(str, class_names):
        column = name
        while column.strip().casefold() in FIXED_COLUMNS or column in taken:
            column = f"probability of {column}"
        taken.add(column)
        columns.append(column)
    return tuple(columns)


def probabilities_in(table: pd.DataFrame, class_names: Sequence[str]) -> NDArray[np.float64]:
    """Return the probabilities of a table, `(images, classes)` in [0, 1].

    Args:
        table: with a column for each class, as `probability_columns` names it.
        class_names: the classes by index.

    Raises:
        DataError: (a ValueError) columns are missing or hold no numbers.
    """
    columns = list(probability_columns(class_names))
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(
            f"The table of predictions lacks the column(s) {', '.join(missing)}; it has "
            f"{', '.join(map(str, table.columns)) or 'none'}."
        )
    try:
        return table[columns].to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"The table of predictions holds no probabilities: {error}") from error


def likeliest_in(table: pd.DataFrame, class_names: Sequence[str]) -> NDArray[np.float64]:
    """Return the probability of each image's predicted class, `(images,)` in [0, 1]."""
    probabilities = probabilities_in(table, class_names)
    index_of = {str(name): index for index, name in enumerate(class_names)}
    predicted = [index_of[str(name)] for name in table["predicted"]]
    return np.asarray(probabilities[np.arange(len(table)), predicted], np.float64)
