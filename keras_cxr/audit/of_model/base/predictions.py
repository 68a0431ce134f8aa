"""A model's predictions on a part of a data set, with the groups that its images belong to."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.text.prediction_tables import probabilities_in, read_written
from keras_cxr.errors import DataError, InvalidArgumentError
from keras_cxr.evaluation import evaluate
from keras_cxr.statistics.checks import checked_probabilities

if TYPE_CHECKING:
    from keras_cxr.data import Datasets


_TEXTS = ("file", "real", "predicted", "correct")


@dataclass(frozen=True, eq=False)
class LabelledPredictions:
    """A model's probabilities for images whose classes are known.

    Attributes:
        labels: (n,) int64, the real class indices.
        probabilities: (n, k) float64 in [0, 1].
        groups: (n,) str, patient or group of copies; "" where an image stands alone.
        files: (n,) str, in the order of the data set.
        class_names: the classes by index.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    groups: NDArray[np.str_]
    files: tuple[str, ...]
    class_names: tuple[str, ...]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(n,) int64, the likeliest class indices."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    def chosen(self, rows: NDArray[np.bool_]) -> "LabelledPredictions":
        """Return the predictions where `rows`, (n,) bool, is true."""
        files = tuple(np.array(self.files, object)[rows])
        return LabelledPredictions(
            self.labels[rows], self.probabilities[rows], self.groups[rows], files, self.class_names
        )


def predict_part(
    model: keras.Model, datasets: "Datasets", part: str = "test"
) -> LabelledPredictions:
    """Return what a model predicts on a part, in the order of its files, never augmented."""
    return predictions_in(evaluate(model, datasets, part=part).predictions, datasets)


def read_predictions(path: Path) -> pd.DataFrame:
    """Return a table that `Evaluation` wrote, whatever the classes are called.

    Raises:
        NotFoundError: there is no such file.
        DataError: it is damaged.
    """
    table = read_written(path, _TEXTS)
    if not len(table):
        raise DataError(f"{path} is damaged: it has no rows.")
    try:
        numbers = table.astype({name: float for name in table.columns if name not in _TEXTS})
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}.") from error
    return numbers.assign(correct=numbers["correct"] == "True")


def predictions_in(table: pd.DataFrame, datasets: "Datasets") -> LabelledPredictions:
    """Return the predictions of a table as `Evaluation` and `predictions.csv` hold it.

    Args:
        table: columns file, real and a probability for each class.
        datasets: knows the classes and the files' groups.
    """
    names = tuple(datasets.class_names)
    index_of = {name: index for index, name in enumerate(names)}
    group_of = dict(zip(datasets.table["file"], datasets.table["group"], strict=True))
    files = tuple(table["file"])
    strangers = sorted({*table["real"]} - {*names})
    if strangers:
        raise DataError(
            f"The predictions are of the class {strangers[0]}, which is not among the data's: "
            "evaluate the model again."
        )
    probabilities = probabilities_in(table, names)
    try:
        checked_probabilities(probabilities)
    except InvalidArgumentError as error:
        raise DataError(f"The table of predictions holds no probabilities: {error}") from error
    return LabelledPredictions(
        np.array([index_of[name] for name in table["real"]], np.int64),
        probabilities,
        np.array([group_of.get(file, "") for file in files], np.str_),
        files,
        names,
    )
