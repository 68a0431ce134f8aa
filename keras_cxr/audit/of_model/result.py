"""`ModelAudit`: what speaks for and against a model's score, and the questions that it asks."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._version import __version__
from keras_cxr.audit.findings import Finding, wrapped
from keras_cxr.audit.of_model.controls.result import Controls
from keras_cxr.audit.of_model.questions.confidence import Confidence, ask_confidence
from keras_cxr.audit.of_model.questions.held_out import HeldOut, ask_held_out
from keras_cxr.audit.of_model.questions.label_disagreement import LabelDisagreement, ask_labels
from keras_cxr.audit.of_model.questions.lung_heat import LungHeat, ask_lung_heat
from keras_cxr.audit.of_model.questions.masked import MaskedInputs, ask_masked
from keras_cxr.audit.of_model.questions.shift import ask_shift
from keras_cxr.audit.of_model.questions.subgroups import ask_subgroups
from keras_cxr.audit.of_model.questions.unusual import Unusual, ask_unusual
from keras_cxr.audit.outcomes import question, questions_of
from keras_cxr.evaluation.shift import Shift
from keras_cxr.statistics.intervals.scores import BootstrapIntervals
from keras_cxr.statistics.subgroups import Subgroups

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

SCHEMA_VERSION = 2
"""Of `model_audit.json`. In version 1 `lung_heat` was called `where`."""

_LINES = 24  # of a terminal's smallest usual screen


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ModelAudit:
    """What speaks for and against a model's score; made by `audit_model`.

    Every attribute from `held_out` to `labels` is None where it was not measured; `notes` say why.

    Attributes:
        name: the model's.
        score: accuracy, balanced accuracy and the classes' figures on the test part, with
            intervals by group.
        held_out: copies and patients that training has seen.
        controls: the same recipe trained anew on pictures without lungs, of borders, of 24 x 24
            pixels.
        masked: the finished model on such pictures.
        confidence: calibration, prediction sets, abstention.
        shift: what it loses under brightness, blur, noise and the like.
        unusual: whether it notices pictures of another kind.
        lung_heat: how much of Grad-CAM's heat lies in the lungs.
        subgroups: scores by each column of the metadata.
        labels: labels of validation and test images that the model's predictions contradict.
        findings: what was found, as plain sentences, the score first.
        notes: what was not measured, and why.
        datasets: what was audited.
        model: the audited model.
    """

    name: str
    score: BootstrapIntervals
    # asked, and read, in this order; controls are trained last, and only if they are asked for
    held_out: HeldOut | None = field(
        metadata=question("copies and patients in the training part", ask_held_out)
    )
    controls: Controls | None
    masked: MaskedInputs | None = field(
        metadata=question("pictures without lungs, borders, thumbnails", ask_masked)
    )
    confidence: Confidence | None = field(
        metadata=question("calibration, prediction sets, abstention", ask_confidence)
    )
    shift: Shift | None = field(
        metadata=question("changed pictures: darker, blurred, turned", ask_shift)
    )
    unusual: Unusual | None = field(metadata=question("pictures of another kind", ask_unusual))
    lung_heat: LungHeat | None = field(metadata=question("heat in the lungs", ask_lung_heat))
    subgroups: Subgroups | None = field(metadata=question("subgroups", ask_subgroups))
    labels: LabelDisagreement | None = field(
        metadata=question("labels that the model contradicts", ask_labels)
    )
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    datasets: "Datasets"
    model: keras.Model
    _write: "Callable[..., Path]"

    def to_dict(self) -> dict[str, Any]:
        """Return what `model_audit.json` holds, without NaN; `docs/trust.md` describes it."""
        found = {name: getattr(self, name) for name in MEASURED}
        document = {
            "schema_version": SCHEMA_VERSION,
            "keras_cxr": __version__,
            "model": {"name": self.name, "parameters": int(self.model.count_params())},
            "data": _described(self.datasets),
            "score": self.score.to_dict(),
            **{name: None if part is None else part.to_dict() for name, part in found.items()},
            "findings": [finding.to_dict() for finding in self.findings],
            "notes": list(self.notes),
        }
        return dict(as_json(document))

    def write(self, out_dir: str | os.PathLike[str], **card: Any) -> Path:
        """Write the page, the model card, the calibrated model and, last, model_audit.json.

        Args:
            out_dir: a folder, created where it is missing.
            **card: further options of `write_model_card`, such as `license="apache-2.0"`.

        Returns:
            The folder.

        Raises:
            OutputError: It cannot be written, or holds files of these names of somebody else.
        """
        return self._write(self, out_dir, **card)

    def __str__(self) -> str:
        lines = wrapped(f"{self.name}, {self.score.num_images:,} test images")
        for finding in self.findings:
            lines += wrapped(finding.sentence, "- ")
        for note in self.notes:
            lines += wrapped(note, "  ")
        if len(lines) > _LINES - 1:
            lines = [*lines[: _LINES - 2], "... and more in model_audit.json"]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"ModelAudit({self.name!r}, accuracy={self.score.accuracy})"


MEASURES = questions_of(ModelAudit)
"""The questions to a model by the attribute that holds the answer; none of them trains anything."""

MEASURED = tuple(one.name for one in fields(ModelAudit) if one.name in {*MEASURES, "controls"})
"""The attributes that may be None, in the order in which they are read."""


def _described(datasets: "Datasets") -> dict[str, Any]:
    """Return what the data set holds, by class and part, and how it was split."""
    table = datasets.table
    counts = table.groupby(["class", "part"]).size()
    copies = datasets.copies
    return {
        "name": None if datasets.root is None else datasets.root.name,
        "fingerprint": datasets.fingerprint,
        "layout": datasets.layout,
        "image_size": list(datasets.image_size),
        "color_mode": datasets.color_mode,
        "region": datasets.region,
        "augment": bool(datasets.augment),
        "seed": int(datasets.seed),
        "images": {
            name: {part: int(counts.get((name, part), 0)) for part in ("train", "val", "test")}
            for name in datasets.class_names
        },
        "num_groups": int((table["group"][table["group"] != ""].value_counts() > 1).sum()),
        "copies": None if copies is None else copies.to_dict(),
    }
