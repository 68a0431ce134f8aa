"""What a model loses on changed pictures: darker, blurred, compressed, turned."""

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.outcomes import Outcome
from keras_cxr.evaluation.shift import measure_shift


def ask_shift(subject: AuditedModel) -> Outcome:
    """Return what `measure_shift` finds; the sentence names the change that costs most."""
    shift = measure_shift(subject.model, subject.datasets, seed=subject.seed)
    worst = shift.table[shift.table["weakest"]].iloc[0]
    limits = (float(worst["balanced_low"]), float(worst["balanced_high"]))
    lost = float(worst["balanced_difference"])
    return Outcome(shift, (Finding("shift", shift.sentences[0], lost, limits),))
