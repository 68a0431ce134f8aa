"""Whether to believe an experiment: its audit beside it, and what the report says of it."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.disk.documents import Document
from keras_cxr._support.disk.file_names import MODEL_AUDIT_FILE, PREDICTIONS_FILE
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.progress import silent
from keras_cxr._support.text.prediction_tables import probabilities_in
from keras_cxr.audit.of_model.audit import audit_model
from keras_cxr.audit.of_model.base.predictions import predictions_in, read_predictions
from keras_cxr.audit.of_model.result import SCHEMA_VERSION
from keras_cxr.data import Datasets
from keras_cxr.evaluation import Comparison, compare_models, compute_metrics
from keras_cxr.inference.recorded import read_split
from keras_cxr.statistics.comparison import SIGNIFICANT, p_text
from keras_cxr.statistics.intervals.estimates import number_text, on_test_images

AUDIT = Document(
    what="the audit of an experiment",
    form={"findings": [{"key": str, "sentence": str}], "notes": [str]},
    remedy="Delete it and run the study again: it is measured anew.",
    version=SCHEMA_VERSION,
    earlier=(1,),
)
# Five passes over the test part, one over the validation part and 200 heat maps: less than a
# third of what one epoch of training takes. None of them trains anything.
EXPERIMENT_MEASURES = ("held_out", "masked", "confidence", "lung_heat")
QUESTIONS = (
    ("leaks", "Is the test part held out?"),
    ("masked_inputs", "What is left without lungs?"),
    ("differences", "Are the differences between experiments real?"),
    ("calibration", "Is it as sure as it is right?"),
    ("lung_heat", "Where does it look?"),
)

_FORMERLY = {"lung_heat": "where"}
"""What findings were called in version 1 of the document."""


def write_trust(
    folder: Path, *, model: keras.Model, datasets: Datasets, predictions: pd.DataFrame
) -> None:
    """Ask a finished model what costs no training, and write `model_audit.json`.

    Args:
        folder: of the experiment.
        model: as it was tested.
        datasets: what it was trained and tested on.
        predictions: of `Evaluation`, on the test part.
    """
    audit = audit_model(
        model,
        datasets,
        measures=EXPERIMENT_MEASURES,
        test=predictions_in(predictions, datasets),
        say=silent,
    )
    write_json(folder / MODEL_AUDIT_FILE, audit.to_dict())


def compare_experiments(folder: Path, keys: list[str]) -> Comparison | None:
    """All pairs of experiments on their common test images; None where there are none.

    Args:
        folder: of the study; each experiment's folder holds its predictions and split.
        keys: the experiments' letters.
    """
    tables = {key: read_predictions(folder / key / PREDICTIONS_FILE) for key in keys}
    first = next(iter(tables.values()))
    same = {key: table for key, table in tables.items() if _same_images(table, first)}
    if len(same) < 2:
        return None
    names = sorted(set(first["real"]) | {name for t in same.values() for name in t["predicted"]})
    return compare_models(
        np.searchsorted(names, first["real"]),
        {key: np.searchsorted(names, table["predicted"]) for key, table in same.items()},
        groups=_groups_of(folder / next(iter(same)), first),
    )


def counted_by_groups(folder: Path, result: dict[str, Any]) -> dict[str, Any]:
    """Return a result whose intervals count groups, also where an older version did not.

    Args:
        folder: of the experiment; it holds its predictions and split.
        result: what `result.json` in it holds.
    """
    found = result["evaluation"]
    if "num_groups" in found or not (folder / PREDICTIONS_FILE).is_file():
        return result
    table, names = read_predictions(folder / PREDICTIONS_FILE), list(found["class_names"])
    metrics = compute_metrics(
        [names.index(name) for name in table["real"]],
        probabilities_in(table, names),
        groups=_groups_of(folder, table),
    )
    counted = {
        "num_groups": metrics.intervals.num_groups,
        "accuracy_interval": list(metrics.accuracy_interval),
        "balanced_accuracy_interval": list(metrics.balanced_accuracy_interval),
    }
    return {**result, "evaluation": {**found, **counted}}


def _groups_of(folder: Path, predictions: pd.DataFrame) -> NDArray[np.str_]:
    """Return the group of each image, "" for an image alone, as the experiment's split says."""
    groups = read_split(folder).set_index("file")["group"]
    return predictions["file"].map(groups).fillna("").to_numpy(str)


def questions(folder: Path, keys: list[str], comparison: Comparison | None) -> list[dict[str, Any]]:
    """Return the report's five questions, each with its title and sentences: `(letter, sentence)`.

    A sentence that is the same for all experiments stands there once, without a letter. Three or
    more experiments are compared in a `matrix`, whose sentences stand behind it.
    """
    audits = {
        key: AUDIT.read(folder / key / MODEL_AUDIT_FILE)
        for key in keys
        if (folder / key / MODEL_AUDIT_FILE).is_file()
    }
    found = []
    for topic, title in QUESTIONS:
        if topic == "differences":
            lines = [("", sentence) for sentence in _differences(comparison, len(keys))]
        else:
            lines = [(key, _sentence(audit, topic)) for key, audit in audits.items()]
            if len(lines) > 1 and len({sentence for _, sentence in lines}) == 1:
                lines = [("", lines[0][1])]
        several = topic == "differences" and comparison and len(comparison.differences) > 1
        found.append(
            {
                "title": title,
                "lines": lines or [("", "Not measured.")],
                "matrix": _matrix(comparison) if several and comparison else None,
            }
        )
    return found


def _matrix(comparison: Comparison) -> dict[str, Any]:
    """Return a table of all pairs: for each row's experiment, how far it lies above each column's.

    A cell holds the difference, its limits and a verdict in words; None left of the diagonal.
    """
    pairs = comparison.differences
    letters = sorted({name for pair in pairs for name in (pair.model, pair.other)})
    cells = {}
    for pair in pairs:
        row, column = sorted((pair.model, pair.other))
        value = pair.accuracy if row == pair.model else -pair.accuracy
        verdict = "apart" if pair.holm_p < SIGNIFICANT else "not apart"
        cells[row, column] = {
            "value": number_text(value.value, signed=True),
            "limits": " to ".join(number_text(one, signed=True) for one in value.interval),
            "verdict": f"{verdict}, {p_text(pair.holm_p)}",
        }
    return {
        "columns": letters[1:],
        "rows": [
            (row, [cells.get((row, column)) for column in letters[1:]]) for row in letters[:-1]
        ],
        "caption": (
            "Accuracy of the row's experiment minus the column's "
            f"{on_test_images(comparison.num_images, comparison.num_groups)}; p is corrected for "
            f"{len(pairs)} pairs (Holm), and below {SIGNIFICANT} the two are apart by more than "
            "chance explains."
        ),
    }


def _sentence(audit: dict[str, Any], topic: str) -> str:
    keys = {topic, _FORMERLY.get(topic, topic)}
    sentences = [row["sentence"] for row in audit["findings"] if row["key"] in keys]
    if sentences:
        return str(sentences[0])
    about = {"lung_heat": "heat in the lungs"}.get(topic, "")
    notes = [note for note in audit["notes"] if about and about in note]
    return str(notes[0]) if notes else "Not measured."


def _differences(comparison: Comparison | None, count: int) -> tuple[str, ...]:
    if comparison is None:
        why = "one experiment" if count < 2 else "experiments on different test images"
        return (f"Not measured: {why}, so there is nothing to compare.",)
    return comparison.sentences


def _same_images(table: pd.DataFrame, other: pd.DataFrame) -> bool:
    return bool(table[["file", "real"]].equals(other[["file", "real"]]))
