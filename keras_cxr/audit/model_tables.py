"""The tables that the audit's page and the model card share, as rows of text."""

from typing import Any

from keras_cxr.audit.scores import in_words
from keras_cxr.evaluation.bootstrap import BootstrapIntervals
from keras_cxr.evaluation.estimates import Estimate


def score_rows(score: BootstrapIntervals) -> list[dict[str, str]]:
    """A row for each class: recall, precision and F1 with their intervals."""
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
    """A row for each way of showing the images: scores, and the share kept above chance."""
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
