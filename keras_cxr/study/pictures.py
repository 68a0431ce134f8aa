"""The pictures of one experiment: curves, confusion matrix, answers and heat maps."""

from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd

from keras_cxr.evaluation import Evaluation, plot_confusion_matrix, plot_history, plot_predictions
from keras_cxr.explain import GradCAM, plot_heatmaps

if TYPE_CHECKING:
    from keras_cxr.data import Datasets
    from keras_cxr.training import TrainingRun

ANSWERS_SHOWN = 8
DPI = 110


def save_pictures(
    folder: Path,
    *,
    model: keras.Model,
    datasets: "Datasets",
    run: "TrainingRun",
    found: Evaluation,
) -> list[Path]:
    """Write the PNG files of an experiment into its folder and return their paths.

    `curves.png`, `confusion_matrix.png`, `predictions.png` (a spread of test images), and
    `gradcam_right.png` and `gradcam_wrong.png` where there are such answers.
    """
    figures = {
        "curves": plot_history(run.history),
        "confusion_matrix": plot_confusion_matrix(found),
    }
    rows = np.linspace(0, len(found.predictions) - 1, ANSWERS_SHOWN).round().astype(int)
    rows = np.unique(rows)
    table = found.predictions.iloc[rows]
    images, _ = datasets.load("test", rows)
    figures["predictions"] = plot_predictions(
        images,
        list(table["real"]),
        list(table["predicted"]),
        probabilities=[float(row[row["predicted"]]) for _, row in table.iterrows()],
    )
    gradcam = GradCAM(model, placement="receptive_field")
    for right, name in ((True, "gradcam_right"), (False, "gradcam_wrong")):
        shown = answers_to_show(found.predictions, right=right)
        if len(shown):
            images, _ = datasets.load("test", shown)
            table = found.predictions.iloc[shown]
            figures[name] = plot_heatmaps(
                images, gradcam(images), _captions(table), title=_title(right, gradcam.layer)
            )
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=DPI)
    return paths


def answers_to_show(predictions: pd.DataFrame, *, right: bool, count: int = 4) -> np.ndarray:
    """Row numbers of answers that were right (or wrong), one real class after the other.

    The first of each class in the order of the files, then the second of each: a spread that
    nobody picked by how well the maps look.
    """
    rows = np.flatnonzero(predictions["correct"] == right)
    chosen = predictions.iloc[rows]
    turn = chosen.groupby("real").cumcount().to_numpy()
    return rows[np.argsort(turn, kind="stable")[:count]]


def _captions(table: pd.DataFrame) -> list[str]:
    return [
        f"{row['predicted']} {row[row['predicted']]:.0%}\nreal: {row['real']}"
        for _, row in table.iterrows()
    ]


def _title(right: bool, layer: str) -> str:
    return f"Grad-CAM of {'right' if right else 'wrong'} answers, layer {layer}"
