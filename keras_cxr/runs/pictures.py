"""The pictures of one experiment: curves, confusion matrix, answers and heat maps."""

from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from keras_cxr._support.disk.file_names import RUN_PICTURES
from keras_cxr._support.text.prediction_tables import likeliest_in
from keras_cxr.evaluation import Evaluation, plot_confusion_matrix, plot_history, plot_predictions
from keras_cxr.explain import GradCAM, plot_answers, plot_average_heatmaps

if TYPE_CHECKING:
    from keras_cxr.data import Datasets
    from keras_cxr.training import TrainingRun

PREDICTIONS_SHOWN = 8
ANSWERS_SHOWN = 3  # of each class, right ones and as many wrong ones
IMAGES_AVERAGED = 50  # of each answer: more hardly change the average, and VGG19 is slow
DPI, PANEL_DPI = 110, 90


def save_pictures(
    folder: Path,
    *,
    model: keras.Model,
    datasets: "Datasets",
    run: "TrainingRun",
    found: Evaluation,
) -> list[Path]:
    """Write the PNG files of an experiment into its folder and return their paths.

    `curves.png`, `confusion_matrix.png`, `predictions.png` (a spread of test images),
    `gradcam_answers.png` (right and wrong answers of each real class) and `gradcam_average.png`
    (the average map of each answer).
    """
    table = found.predictions
    gradcam = GradCAM(model, placement="receptive_field")
    figures = {
        "curves": (plot_history(run.history), DPI),
        "confusion_matrix": (plot_confusion_matrix(found), DPI),
        "predictions": (_predictions(datasets, table), DPI),
        "gradcam_answers": (_answers(gradcam, datasets, table), PANEL_DPI),
        "gradcam_average": (_averages(gradcam, datasets, table), PANEL_DPI),
    }
    paths = []
    for name, (figure, dpi) in figures.items():
        paths.append(folder / RUN_PICTURES[name])
        figure.savefig(paths[-1], dpi=dpi)
    return paths


def answers_to_show(
    predictions: pd.DataFrame, by: list[str], *, count: int = ANSWERS_SHOWN
) -> NDArray[np.intp]:
    """Row numbers of a few answers of each group, spread evenly over the group's rows.

    Nobody picks them by how well the maps look, and neighbouring files, which often show one
    patient, do not stand side by side.

    Args:
        predictions: the table of `Evaluation`, in the order of the files.
        by: the columns that make the groups: `["real", "correct"]` gives right and wrong
            answers of each real class.
        count: rows of each group, where it has so many.
    """
    groups = predictions.reset_index(drop=True).groupby(by, sort=True).indices.values()
    return np.concatenate([_spread(np.asarray(rows), count) for rows in groups])


def _spread(rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return rows[places]


def _predictions(datasets: "Datasets", table: pd.DataFrame) -> Figure:
    rows = _spread(np.arange(len(table)), PREDICTIONS_SHOWN)
    shown = table.iloc[rows]
    images, _ = datasets.load("test", rows)
    return plot_predictions(
        images,
        list(shown["real"]),
        list(shown["predicted"]),
        probabilities=list(likeliest_in(shown, datasets.class_names)),
    )


def _answers(gradcam: GradCAM, datasets: "Datasets", table: pd.DataFrame) -> Figure:
    rows = answers_to_show(table, ["real", "correct"])
    shown = table.iloc[rows]
    likeliest = likeliest_in(shown, datasets.class_names)
    images, _ = datasets.load("test", rows)
    return plot_answers(
        images,
        gradcam(images),
        [f"{name} {sure:.0%}" for name, sure in zip(shown["predicted"], likeliest, strict=True)],
        real=list(shown["real"]),
        right=list(shown["correct"]),
        title=f"Grad-CAM of the answers, layer {gradcam.layer}",
    )


def _averages(gradcam: GradCAM, datasets: "Datasets", table: pd.DataFrame) -> Figure:
    rows = answers_to_show(table, ["predicted"], count=IMAGES_AVERAGED)
    images, _ = datasets.load("test", rows)
    explained = gradcam.explain(images)
    return plot_average_heatmaps(
        explained.heatmap,
        explained.class_index,
        datasets.class_names,
        images=images,
        title=f"Average Grad-CAM of each answer, layer {gradcam.layer}",
    )
