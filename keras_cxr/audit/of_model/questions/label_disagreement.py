"""Labels of the held-out parts that the audited model's predictions contradict."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_data.questions.suspicious_labels import SuspiciousLabels, rank_labels
from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.outcomes import Outcome, measured


@dataclass(frozen=True, eq=False)
class LabelDisagreement:
    """How strongly predictions contradict the labels of images that the model did not learn from.

    The training part is left out: a model knows its labels by heart. `find_suspicious_labels`
    asks models that are trained for that, about every image.

    Attributes:
        labels: the ranking; which labels are wrong only a reader of the image can tell.
    """

    labels: SuspiciousLabels

    @property
    def findings(self) -> tuple[Finding, ...]:
        """How many labels are contradicted, and which classes are confused most."""
        return self.labels.findings

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it: the counts, and the ranking of what is suspicious."""
        document = self.labels.to_dict()
        document["ranking"] = [row for row in document["ranking"] if row["suspicious"]]
        return document


def ask_labels(subject: AuditedModel) -> Outcome:
    """Return what `measure_label_disagreement` finds."""
    return measured(measure_label_disagreement(subject.test, subject.validation))


def measure_label_disagreement(
    test: LabelledPredictions, validation: LabelledPredictions | None
) -> LabelDisagreement:
    """Return the held-out images ranked by how strongly the model contradicts their label.

    Args:
        test: predictions on the test part.
        validation: predictions on the validation part; None where there is none.
    """
    parts = [test] if validation is None else [validation, test]
    return LabelDisagreement(
        rank_labels(
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
            files=[file for part in parts for file in part.files],
            class_names=test.class_names,
        )
    )
