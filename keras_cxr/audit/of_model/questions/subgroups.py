"""Scores by each column of a table: which columns make subgroups, and which are names."""

from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.outcomes import Outcome, not_measured
from keras_cxr.data.tables.columns import meaning
from keras_cxr.data.tables.csv_files import as_table
from keras_cxr.data.tables.joining import join_table
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.statistics.subgroups import Subgroups, measure_subgroups

_SUBGROUPS = (None, "source")  # the other meanings: images, patients, files, the class itself


def ask_subgroups(subject: AuditedModel) -> Outcome:
    """Return the scores by every column of the metadata, or why there are none."""
    if subject.metadata is None:
        return not_measured("subgroups", "no metadata were given.")
    root = subject.datasets.root
    found, why = measure_columns(subject.test, subject.metadata, root=root, seed=subject.seed)
    if found is None:
        return not_measured("subgroups", f"{why}.")
    return Outcome(found, tuple(Finding("subgroups", text) for text in found.sentences))


def measure_columns(
    test: LabelledPredictions, metadata: Any, *, root: Path | None, seed: int = 0
) -> tuple[Subgroups | None, str]:
    """Return the scores by every column that has subgroups among the test images, or why none.

    Args:
        test: predictions on the test part.
        metadata: a CSV file or DataFrame with the column file, paths relative to `root`.
        root: the data set's folder.
        seed: of the bootstrap.

    Raises:
        DataError: the table lacks the column file or names none of the test images.
        NotFoundError: there is no such file.
    """
    columns = columns_of(test.files, metadata, root=root)
    tables, reasons, last = [], [], None
    for name in columns:
        if meaning(name) not in _SUBGROUPS or columns[name].nunique(dropna=False) < 2:
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
    """Return the table's rows in the order of `files`; empty cells where it has no such file.

    Columns of numbers in a CSV file become numbers.

    Raises:
        DataError: the table lacks the column file or names none of the files.
    """
    frame = as_table(metadata, "metadata")
    joined = join_table(frame, files, name="metadata", root=None if root is None else Path(root))
    joined.check_named("test images")
    is_other = [meaning(column) != "file" for column in frame.columns]
    rows = list(frame.loc[:, is_other].astype(str).itertuples(index=False, name=None))
    torn = joined.conflicts(rows)
    if torn:
        raise DataError(
            f"metadata has files with two different rows, such as {torn[0][0]}. Keep one of each."
        )
    row_of = {place: row for row, place in reversed(list(enumerate(joined.places)))}
    table = frame.reset_index(drop=True).reindex(
        [row_of.get(place, -1) for place in range(len(files))]
    )
    return table.apply(_as_numbers).reset_index(drop=True)


def _as_numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    filled = column.where(column != "")
    numbers = pd.to_numeric(filled, errors="coerce")
    return numbers if numbers.notna().sum() == filled.notna().sum() > 0 else filled
