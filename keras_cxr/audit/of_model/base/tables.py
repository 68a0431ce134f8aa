"""The tables that the audit's page and the model card share, as rows of text."""

from typing import TYPE_CHECKING, Any

from keras_cxr.audit.of_model.base.scores import in_words
from keras_cxr.statistics.calibration.measure import Calibration
from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.scores import BootstrapIntervals

if TYPE_CHECKING:
    from keras_cxr.audit.of_model.questions.confidence import Confidence


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


def named_calibrations(found: "Confidence | None") -> dict[str, Calibration]:
    """The calibrations by what was done to the probabilities; empty where none was measured."""
    if found is None:
        return {}
    named = {"as trained": found.before}
    if found.after is not None:
        named[f"temperature {found.temperature:.2f}"] = found.after
    if found.scaled is not None:
        named["and class offsets"] = found.scaled
    return named
