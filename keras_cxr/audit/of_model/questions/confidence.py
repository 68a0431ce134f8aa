"""Whether a model's confidence matches its accuracy, with and without a temperature."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
from keras_cxr.audit.of_model.base.scores import in_words, interval_of
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.outcomes import Outcome, measured
from keras_cxr.statistics.calibration.measure import Calibration, measure_calibration
from keras_cxr.statistics.calibration.scaling import Scaling, fit_scaling
from keras_cxr.statistics.calibration.temperature import apply_temperature, fit_temperature
from keras_cxr.statistics.conformal import ConformalSets
from keras_cxr.statistics.intervals.estimates import number_text
from keras_cxr.statistics.selective import Selection, choose_threshold, measure_selection
from keras_cxr.statistics.set_coverage import SetCoverage

COVERAGE = 0.9  # of prediction sets, and the share of images on which the model does not abstain


@dataclass(frozen=True, eq=False)
class Confidence:
    """How far a model's probabilities can be taken at their word, on the test part.

    All of it holds for images from the source that was tested.

    Attributes:
        before: calibration as the model is.
        after: with the temperature; None without validation images.
        temperature: fitted on the validation part alone; above 1 the model was too sure. It
            changes no predicted class.
        scaling: temperature and an offset for each class, fitted likewise; None where the
            validation part lacks a class. It changes predicted classes, see `fit_scaling`.
        scaled: calibration with these.
        sets: makes prediction sets from the probabilities with the temperature, which the
            calibrated model returns; fitted on the validation part.
        coverage: what these sets do on the test part.
        selection: what the model reaches when it abstains from the 10 % that it is least sure of.
        num_validation: images behind temperature, sets and threshold.
    """

    before: Calibration
    after: Calibration | None = None
    temperature: float | None = None
    scaling: Scaling | None = None
    scaled: Calibration | None = None
    sets: ConformalSets | None = None
    coverage: SetCoverage | None = None
    selection: Selection | None = None
    num_validation: int = 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Calibration, sets and abstention, one sentence each."""
        found = [self._calibration()]
        if self.coverage is not None:
            value = self.coverage.coverage
            sentence = self.coverage.sentences[0]
            found.append(Finding("sets", sentence, value.value, interval_of(value)))
        if self.selection is not None:
            value = self.selection.accuracy
            sentence = self.selection.sentences[0]
            found.append(Finding("selection", sentence, value.value, interval_of(value)))
        return tuple(found)

    @property
    def calibrations(self) -> dict[str, Calibration]:
        """The calibrations by what was done to the probabilities."""
        named = {"as trained": self.before}
        if self.after is not None:
            named[f"temperature {self.temperature:.2f}"] = self.after
        if self.scaled is not None:
            named["and class offsets"] = self.scaled
        return named

    def _calibration(self) -> Finding:
        gap = self.before.overconfidence
        more = "more" if gap.value > 0 else "less"
        low, high = (number_text(100 * limit, 1, signed=True) for limit in gap.interval)
        sentence = (
            f"On {self.before.num_images:,} test images the model is {abs(100 * gap.value):.1f} "
            f"percentage points {more} sure than right (confidence minus accuracy between "
            f"{low} and {high}); its calibration error (ECE) is {self.before.ece:.3f}"
        )
        if self.after is not None:
            sentence += (
                f", and {self.after.ece:.3f} with a temperature of {self.temperature:.2f} from "
                f"{self.num_validation:,} validation images"
            )
        if self.scaled is not None:
            sentence += (
                f" ({self.scaled.ece:.3f} with offsets for the classes, which change answers)"
            )
        chance = self.before.ece_if_calibrated
        if np.isnan(chance):
            sentence += "; whether that is more than chance explains, so few images cannot tell."
        else:
            sentence += f"; chance alone gives a calibrated model {chance:.3f}."
        return Finding("calibration", sentence, gap.value, interval_of(gap))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it, without NaN."""
        parts = {
            "after": self.after,
            "scaling": self.scaling,
            "scaled": self.scaled,
            "sets": self.coverage,
            "selection": self.selection,
        }
        return {
            "num_validation": self.num_validation,
            "temperature": self.temperature,
            "before": self.before.to_dict(),
            **{name: None if part is None else part.to_dict() for name, part in parts.items()},
        }

    def __str__(self) -> str:
        lines = [f"Brier score {in_words(self.before.brier, 3)}"]
        if self.after is not None:
            lines[0] += f", calibrated {in_words(self.after.brier, 3)}"
        return "\n".join([*lines, *(finding.sentence for finding in self.findings)])


def ask_confidence(subject: AuditedModel) -> Outcome:
    """Return what `measure_confidence` finds."""
    return measured(measure_confidence(subject.test, subject.validation, seed=subject.seed))


def measure_confidence(
    test: LabelledPredictions, validation: LabelledPredictions | None, *, seed: int = 0
) -> Confidence:
    """Return a model's confidence beside its accuracy, and what a temperature corrects.

    Args:
        test: predictions on the test part, which measures.
        validation: predictions on the validation part, which fits; None where there is none.
        seed: of the bootstrap.
    """
    options: dict[str, Any] = {
        "groups": test.groups,
        "class_names": test.class_names,
        "seed": seed,
    }
    before = measure_calibration(test.labels, test.probabilities, **options)
    if validation is None:
        return Confidence(before)
    temperature = fit_temperature(validation.labels, validation.probabilities)
    warmed = apply_temperature(test.probabilities, temperature)
    scaling = _scaling(validation)
    sets = ConformalSets.fit(
        validation.labels,
        apply_temperature(validation.probabilities, temperature),
        coverage=COVERAGE,
        class_names=validation.class_names,
    )
    threshold = choose_threshold(validation.probabilities, coverage=COVERAGE)
    return Confidence(
        before=before,
        after=measure_calibration(test.labels, warmed, **options),
        temperature=temperature,
        scaling=scaling,
        scaled=None
        if scaling is None
        else measure_calibration(test.labels, scaling.apply(test.probabilities), **options),
        sets=sets,
        coverage=sets.measure(test.labels, warmed, groups=test.groups),
        selection=measure_selection(
            test.labels, test.probabilities, threshold=threshold, **options
        ),
        num_validation=len(validation.labels),
    )


def _scaling(validation: LabelledPredictions) -> Scaling | None:
    """Temperature and offsets, where the validation part holds every class."""
    if len(np.unique(validation.labels)) < validation.probabilities.shape[1]:
        return None
    return fit_scaling(validation.labels, validation.probabilities)
