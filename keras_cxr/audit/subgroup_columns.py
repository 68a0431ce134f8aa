"""Scores by each column of a table: which columns make subgroups, and which are names."""

import posixpath
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr.audit.answers import Answers
from keras_cxr.data.tables import read_csv
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.evaluation.subgroups import Subgroups, measure_subgroups

# Columns that name images, patients, files or the answer itself.
_NO_SUBGROUPS = ("file", "label", "class", "mask", "part", "patient", "patient_id", "group")


def measure_columns(
    test: Answers, metadata: Any, *, root: Path | None, seed: int = 0
) -> tuple[Subgroups | None, str]:
    """Returns the scores by every column that has subgroups among the test images, or why none.

    Args:
        test: Answers on the test part.
        metadata: A CSV file or DataFrame with the column file, paths relative to `root`.
        root: The data set's folder.
        seed: Of the bootstrap.

    Raises:
        DataError: The table lacks the column file or names none of the test images.
        NotFoundError: There is no such file.
    """
    columns = columns_of(test.files, metadata, root=root)
    tables, reasons, last = [], [], None
    for name in columns:
        if name in _NO_SUBGROUPS or columns[name].nunique(dropna=False) < 2:
            continue
        try:
            last = measure_subgroups(
                test.labels,
                test.probabilities,
                columns[[name]],
                groups=test.groups,
                seed=seed,
            )
        except InvalidArgumentError as error:
            reasons.append(str(error))
        else:
            scored = last.table["note"] == ""
            if scored.sum() > 1:
                tables.append(last.table)
            else:
                reasons.append(
                    f"no two values of {name} have {last.min_images} test images or groups each"
                )
    if last is None or not tables:
        return None, "; ".join(reasons) or "no column has two values among the test images"
    return Subgroups(pd.concat(tables, ignore_index=True), last.accuracy, last.min_images), ""


def columns_of(files: tuple[str, ...], metadata: Any, *, root: Path | None) -> pd.DataFrame:
    """Returns the table's rows in the order of `files`; empty cells where it has no such file.

    Columns of numbers in a CSV file become numbers.

    Raises:
        DataError: The table lacks the column file or names none of the files.
    """
    frame = metadata if isinstance(metadata, pd.DataFrame) else read_csv(metadata)
    if "file" not in frame.columns:
        columns = ", ".join(map(str, frame.columns)) or "none"
        raise DataError(f"metadata needs the column file; it has {columns}")
    start = "" if root is None else f"{Path(root).absolute().as_posix()}/"
    names = [posixpath.normpath(str(file)).removeprefix(start) for file in frame["file"]]
    table = frame.set_axis(names).loc[lambda rows: ~rows.index.duplicated()].reindex(files)
    if table["file"].isna().all():
        raise DataError(
            f"metadata names none of the {len(files):,} test images. Its column file must hold "
            f"paths relative to the data folder, such as {files[0]!r}; it has {names[:1]}"
        )
    return table.apply(_as_numbers).reset_index(drop=True)


def _as_numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    filled = column.where(column != "")
    numbers = pd.to_numeric(filled, errors="coerce")
    return numbers if numbers.notna().sum() == filled.notna().sum() > 0 else filled
