"""`Evaluation`: a model's metrics beside the table of predictions that they come from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._support.text.prediction_tables import probabilities_in
from keras_cxr._support.text.terminal import table_text
from keras_cxr.statistics.metrics import Metrics


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics with intervals, and the table of predictions they were computed from.

    The intervals count patients and copies that are known as one each. Nothing here shows
    whether the model looked at lungs or at something that gives the hospital away.

    Attributes:
        metrics: accuracy, balanced accuracy, log loss and the per-class arrays.
        class_names: in the order of the model's outputs.
        predictions: a row per image in the order of the files: `file`, `real`, `predicted`,
            `correct` and one column of probabilities for each class, named as the class
            (`probability of real`, where the class is called like one of the other columns).
        groups: `(images,)` the patient or group of copies of each image, "" for an image alone;
            `None` where none are known. For `measure_calibration` and the like.
    """

    metrics: Metrics
    class_names: tuple[str, ...]
    predictions: pd.DataFrame
    groups: NDArray[Any] | None = None

    @property
    def accuracy(self) -> float:
        """Share of images whose likeliest class is the real one, in [0, 1]."""
        return self.metrics.accuracy

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the classes' recalls, in [0, 1]: each class counts the same."""
        return self.metrics.balanced_accuracy

    @property
    def absent(self) -> tuple[str, ...]:
        """The classes that no image shows: no recall and no ROC AUC, and no share in any mean."""
        shown = self.metrics.support > 0
        return tuple(name for name, one in zip(self.class_names, shown, strict=True) if not one)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The real classes as indices, `(images,)`, in the order of `predictions`."""
        index = {name: number for number, name in enumerate(self.class_names)}
        return np.array([index[name] for name in self.predictions["real"]], np.int64)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """What the model gave each class, `(images, classes)` in [0, 1]."""
        return probabilities_in(self.predictions, self.class_names)

    @property
    def per_class(self) -> pd.DataFrame:
        """A row per class: precision, recall with its 95 % interval, F1, ROC AUC, support."""
        m = self.metrics
        return pd.DataFrame(
            {
                "precision": m.precision,
                "recall": m.recall,
                "recall_low": m.recall_intervals[:, 0],
                "recall_high": m.recall_intervals[:, 1],
                "f1": m.f1,
                "roc_auc": m.roc_auc,
                "support": m.support,
            },
            index=pd.Index(self.class_names, name="class"),
        )

    @property
    def confusion(self) -> pd.DataFrame:
        """Counts: rows are the real classes, columns the predicted ones."""
        return self._square(self.metrics.confusion)

    @property
    def confusion_percent(self) -> pd.DataFrame:
        """Percent of the real class: rows add up to 100."""
        return self._square(self.metrics.confusion_percent)

    @property
    def summary(self) -> str:
        """A few lines for a terminal."""
        m = self.metrics
        head = [
            f"{len(self.predictions):,} images of {len(self.class_names)} classes",
            f"accuracy           {m.intervals.accuracy}",
            f"balanced accuracy  {m.intervals.balanced_accuracy}",
            f"log loss           {m.log_loss:.3f}",
        ]
        if self.absent:
            head.append(
                f"no image shows {', '.join(self.absent)}: the figures are of the other classes"
            )
        if m.intervals.num_groups < m.intervals.num_images:
            head[0] += f", {m.intervals.num_groups:,} where patients and copies count once"
        head += [m.intervals.caution] if m.intervals.caution else []
        columns = ["precision", "recall", "f1", "roc_auc", "support"]
        table = self.per_class[columns].reset_index(names="")
        percent = self.confusion_percent.reset_index(names="")
        return "\n".join(
            [
                *head,
                "",
                table_text(table),
                "",
                "Confusion in percent of the real class (rows: real, columns: predicted)",
                table_text(percent, digits=1),
            ]
        )

    def __str__(self) -> str:
        return self.summary

    def to_dict(self) -> dict[str, Any]:
        """Return every figure without the predictions, ready for JSON: NaN becomes `None`."""
        m = self.metrics
        document = {
            "num_images": len(self.predictions),
            "num_groups": m.intervals.num_groups,
            "class_names": list(self.class_names),
            "absent_classes": list(self.absent),
            "accuracy": m.accuracy,
            "accuracy_interval": list(m.accuracy_interval),
            "balanced_accuracy": m.balanced_accuracy,
            "balanced_accuracy_interval": list(m.balanced_accuracy_interval),
            "log_loss": m.log_loss,
            "per_class": self.per_class.to_dict("index"),
            "confusion": m.confusion.tolist(),
            "confusion_percent": m.confusion_percent,
        }
        return dict(as_json(document))

    def _square(self, values: NDArray[Any]) -> pd.DataFrame:
        names = list(self.class_names)
        return pd.DataFrame(
            values,
            index=pd.Index(names, name="real"),
            columns=pd.Index(names, name="predicted"),
        )
