"""The questions that are put to a finished model, as a table; none of them trains anything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import keras

from keras_cxr._support.progress import Say, silent
from keras_cxr.audit.of_model.base.predictions import Answers, answer
from keras_cxr.audit.of_model.controls.masked import measure_masked
from keras_cxr.audit.of_model.questions.confidence import measure_confidence
from keras_cxr.audit.of_model.questions.held_out import measure_held_out
from keras_cxr.audit.of_model.questions.label_disagreement import measure_denied_labels
from keras_cxr.audit.of_model.questions.lung_heat import measure_lung_heat
from keras_cxr.audit.of_model.questions.subgroups import measure_columns
from keras_cxr.audit.of_model.questions.unusual import measure_unusual
from keras_cxr.errors import InvalidArgumentError
from keras_cxr.evaluation.shift import measure_shift

if TYPE_CHECKING:
    from keras_cxr.data import Datasets


@dataclass(frozen=True, eq=False)
class Case:
    """What is audited.

    Attributes:
        model: The finished model.
        datasets: What it was trained, validated and tested on.
        test: Its answers on the test part.
        metadata: A table with the column file and columns of subgroups, or None.
        seed: Of the bootstrap and of whatever is drawn.
        say: Called with a line of text.
    """

    model: keras.Model
    datasets: "Datasets"
    test: Answers
    metadata: Any = None
    seed: int = 0
    say: Say = silent

    @cached_property
    def validation(self) -> Answers | None:
        """The model's answers on the validation part; None where there is none."""
        return None if self.datasets.val is None else answer(self.model, self.datasets, "val")


class NotMeasured(Exception):  # noqa: N818  no error: the reason why something was left out
    """A question that this data set or model cannot be asked."""


def _held_out(case: Case) -> Any:
    return measure_held_out(case.datasets, case.test)


def _masked(case: Case) -> Any:
    return measure_masked(case.model, case.datasets, whole=case.test, seed=case.seed)


def _confidence(case: Case) -> Any:
    return measure_confidence(case.test, case.validation, seed=case.seed)


def _labels(case: Case) -> Any:
    return measure_denied_labels(case.test, case.validation)


def _where(case: Case) -> Any:
    try:
        found = measure_lung_heat(case.model, case.datasets, seed=case.seed)
    except InvalidArgumentError as error:
        raise NotMeasured(f"Not measured: heat in the lungs, since {error}") from error
    if found is None:
        raise NotMeasured(
            "Not measured: heat in the lungs, since no test image has both a mask and a map."
        )
    return found


def _unusual(case: Case) -> Any:
    try:
        return measure_unusual(case.model, case.datasets, seed=case.seed)
    except InvalidArgumentError as error:
        raise NotMeasured(f"Not measured: pictures of another kind, since {error}") from error


def _shift(case: Case) -> Any:
    return measure_shift(case.model, case.datasets, seed=case.seed)


def _subgroups(case: Case) -> Any:
    if case.metadata is None:
        raise NotMeasured("Not measured: subgroups, since no metadata were given.")
    found, why = measure_columns(case.test, case.metadata, root=case.datasets.root, seed=case.seed)
    if found is None:
        raise NotMeasured(f"Not measured: subgroups, since {why}.")
    return found


# By the attribute of `ModelAudit`: what is said while it is measured, and how.
_ASKED: dict[str, tuple[str, Callable[[Case], Any]]] = {
    "held_out": ("copies and patients in the training part", _held_out),
    "masked": ("pictures without lungs, borders, thumbnails", _masked),
    "confidence": ("calibration, prediction sets, abstention", _confidence),
    "shift": ("changed pictures: darker, blurred, turned", _shift),
    "unusual": ("pictures of another kind", _unusual),
    "where": ("heat in the lungs", _where),
    "subgroups": ("subgroups", _subgroups),
    "labels": ("labels that the model denies", _labels),
}
MEASURES = tuple(_ASKED)


def run_measures(case: Case, names: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Returns what was found by name, and notes on what could not be measured.

    Args:
        case: What is audited.
        names: Of `MEASURES`.

    Raises:
        InvalidArgumentError: There is no such measure.
    """
    unknown = [name for name in names if name not in _ASKED]
    if unknown:
        raise InvalidArgumentError(
            f"measures must be of {', '.join(MEASURES)}, not {', '.join(map(repr, unknown))}."
        )
    found: dict[str, Any] = {}
    notes: list[str] = []
    for name in names:
        title, measure = _ASKED[name]
        case.say(f"measuring {title}")
        try:
            found[name] = measure(case)
        except NotMeasured as reason:
            notes.append(str(reason))
        else:
            notes += getattr(found[name], "notes", ())
    return found, notes
