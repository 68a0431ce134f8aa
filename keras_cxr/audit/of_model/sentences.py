"""What an audit of a model found, as sentences in the order in which they are read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.scores import in_words, interval_of
from keras_cxr.evaluation.shift import Shift

if TYPE_CHECKING:
    from keras_cxr.audit.of_model.audit import ModelAudit


def state_findings(audit: "ModelAudit") -> tuple[Finding, ...]:
    """Returns the findings: the score, what may be wrong with it, what it does not hold for."""
    return tuple(_findings(audit))


def _findings(audit: "ModelAudit") -> Iterator[Finding]:
    yield _score(audit)
    if audit.held_out is not None:
        yield audit.held_out.finding
    if audit.controls is not None:
        yield from audit.controls.findings
    if audit.masked is not None:
        yield audit.masked.finding
    if audit.confidence is not None:
        yield from audit.confidence.findings
    if audit.shift is not None:
        yield _shift(audit.shift)
    for part in (audit.unusual, audit.where):
        if part is not None:
            yield part.finding
    if audit.subgroups is not None:
        yield from (Finding("subgroups", sentence) for sentence in audit.subgroups.sentences)
    if audit.labels is not None:
        yield audit.labels.finding


def _score(audit: "ModelAudit") -> Finding:
    score, found = audit.score, audit.score.balanced_accuracy
    groups = ""
    if score.num_groups < score.num_images:
        groups = f" ({score.num_groups:,} where copies and patients count once)"
    sentence = (
        f"Accuracy is {in_words(score.accuracy)} and balanced accuracy {in_words(found)} on "
        f"{score.num_images:,} test images{groups}."
    )
    sentence += f" {score.caution}" if score.caution else ""
    return Finding("score", sentence, found.value, interval_of(found))


def _shift(shift: Shift) -> Finding:
    """The change that costs most; its value is the difference in balanced accuracy."""
    worst = shift.table[shift.table["weakest"]].iloc[0]
    return Finding(
        "shift",
        shift.sentences[0],
        float(worst["balanced_difference"]),
        (float(worst["balanced_low"]), float(worst["balanced_high"])),
    )
