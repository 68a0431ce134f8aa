"""Labels of the held-out parts that the audited model denies, with their pictures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_cxr._support.text.pages import jpeg_address
from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_data.questions.suspicious_labels import SuspiciousLabels, rank_labels
from keras_cxr.audit.of_model.base.predictions import Answers

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

SHOWN = 12  # three rows of pictures on a wide page


@dataclass(frozen=True, eq=False)
class DeniedLabels:
    """How the model's answers on images that it did not learn from rank their labels.

    The training part is left out: a model knows its labels by heart. `find_suspicious_labels`
    asks models that are trained for that, about every image.

    Attributes:
        labels: The ranking; which labels are wrong only a reader of the image can tell.
    """

    labels: SuspiciousLabels

    @property
    def finding(self) -> Finding:
        """How many labels are denied, and which classes are confused most."""
        return self.labels.findings[0]

    def to_dict(self) -> dict[str, Any]:
        """Returns it as JSON holds it: the counts, and the ranking of what is suspicious."""
        document = self.labels.to_dict()
        document["ranking"] = [row for row in document["ranking"] if row["suspicious"]]
        return document

    def pictures(self, datasets: "Datasets") -> list[dict[str, Any]]:
        """Returns the most denied ones: file, label, suggested, confidence and a picture."""
        shown = self.labels.table[self.labels.table["suspicious"]].head(SHOWN)
        place_of = {
            file: (part, place)
            for part in ("val", "test")
            if getattr(datasets, part) is not None
            for place, file in enumerate(datasets.files(part))
        }
        cards = shown[["file", "label", "suggested", "confidence"]].to_dict("records")
        for card in cards:
            part, place = place_of[card["file"]]
            image = datasets.load(part, [place])[0][0, ..., 0]
            card["address"] = jpeg_address(np.rint(image).astype(np.uint8))
        return [{str(key): value for key, value in card.items()} for card in cards]


def measure_denied_labels(test: Answers, validation: Answers | None) -> DeniedLabels:
    """Returns the held-out images ranked by how strongly the model denies their label.

    Args:
        test: Answers on the test part.
        validation: Answers on the validation part; None where there is none.
    """
    parts = [test] if validation is None else [validation, test]
    return DeniedLabels(
        rank_labels(
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
            files=[file for part in parts for file in part.files],
            class_names=test.class_names,
        )
    )
