"""Tables of scores as rows of text, for printing, the audit's page and the model card."""

from typing import Any

import pandas as pd

from keras_cxr.audit.of_model.base.scores import in_words
from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.scores import BootstrapIntervals


def score_rows(score: BootstrapIntervals) -> list[dict[str, str]]:
    """Return a row for each class: recall, precision and F1 with their intervals."""
    return [
        {
            "class": name,
            "recall": in_words(score.recall[index]),
            "precision": in_words(score.precision[index]),
            "f1": in_words(score.f1[index]),
        }
        for index, name in enumerate(score.class_names)
    ]


def view_rows(
    scores: dict[str, BootstrapIntervals], kept: dict[str, Estimate], titles: dict[str, str]
) -> list[dict[str, Any]]:
    """Return a row for each way of showing the images: scores, and the share kept above chance."""
    return [
        {
            "key": key,
            "title": titles[key],
            "balanced_accuracy": in_words(score.balanced_accuracy),
            "accuracy": in_words(score.accuracy),
            "kept": in_words(kept[key]) if key in kept else "",
        }
        for key, score in scores.items()
    ]


def score_table(
    scores: dict[str, BootstrapIntervals], kept: dict[str, Estimate], titles: dict[str, str]
) -> pd.DataFrame:
    """Return a row for each way of showing the images, named by its title, ready to print."""
    rows = {row["title"]: row for row in view_rows(scores, kept, titles)}
    table = pd.DataFrame.from_dict(rows, orient="index")
    named = {"balanced_accuracy": "balanced accuracy", "kept": "kept above chance"}
    return table.rename(columns=named)[["balanced accuracy", "accuracy", "kept above chance"]]
