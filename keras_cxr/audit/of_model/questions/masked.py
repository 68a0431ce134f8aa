"""What a finished model scores on pictures without lungs, of borders, of 24 x 24 pixels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import pandas as pd

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.predictions import LabelledPredictions, predict_part
from keras_cxr.audit.of_model.base.scores import (
    chance_of,
    in_words,
    interval_of,
    kept_share,
    score_of,
)
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.of_model.base.tables import score_table
from keras_cxr.audit.of_model.controls.masking import maskings_of
from keras_cxr.audit.outcomes import Outcome, measured
from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.scores import BootstrapIntervals

if TYPE_CHECKING:
    from keras_cxr.data import Datasets

_SHOWN = {
    "outside": "with the lungs blacked out",
    "lungs": "with all but the lungs blacked out",
    "border": "with all but the outer ring blacked out",
    "thumbnail": "shrunk to 24 x 24 pixels",
    "shape": "reduced to the outline of the lungs",
}


@dataclass(frozen=True, eq=False)
class MaskedInputs:
    """Scores of one model on the same test images, shown in several ways; no training.

    A high score says that what is left is enough for this model. A low one says little: the
    model has never seen such pictures, and may use what was taken away or stumble over the
    black. A control that is trained on such pictures (`Controls`) tells the two apart.

    Attributes:
        scores: by view, "full" first.
        kept: by view, the share of the score above chance that is left, see `kept_share`.
        titles: by view, what is shown.
        chance: the balanced accuracy of guessing.
        region: what the model was trained on: "full", "lungs" or "outside".
        notes: which views were left out, and why.
    """

    scores: dict[str, BootstrapIntervals]
    kept: dict[str, Estimate]
    titles: dict[str, str]
    chance: float
    region: str
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One sentence about the view that says most: no lungs, their outline, or the border."""
        order = ("shape", "outside", "border", "lungs")
        key = next(key for key in order if key in self.scores)
        found, whole = self.scores[key].balanced_accuracy, self.scores["full"]
        known = "as they are" if self.region == "full" else "as it was trained to see them"
        sentence = (
            f"On {whole.num_images:,} test images {_SHOWN[key]}, the model as it is reaches a "
            f"balanced accuracy of {in_words(found)}; on the images {known} "
            f"{in_words(whole.balanced_accuracy)}, by guessing {self.chance:.2f}."
        )
        return (Finding("masked_inputs", sentence, found.value, interval_of(found)),)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each way of showing the images: scores and the share kept, with intervals."""
        return score_table(self.scores, self.kept, self.titles)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it, without NaN."""
        return {
            "chance": self.chance,
            "region": self.region,
            "views": {
                key: {
                    "title": self.titles[key],
                    **score.to_dict(),
                    "kept_share": self.kept[key].to_dict() if key in self.kept else None,
                }
                for key, score in self.scores.items()
            },
            "notes": list(self.notes),
        }


def ask_masked(subject: AuditedModel) -> Outcome:
    """Return what `measure_masked` finds."""
    model, datasets = subject.model, subject.datasets
    return measured(measure_masked(model, datasets, whole=subject.test, seed=subject.seed))


def measure_masked(
    model: keras.Model,
    datasets: "Datasets",
    *,
    whole: LabelledPredictions | None = None,
    seed: int = 0,
) -> MaskedInputs:
    """Return the scores of a finished model on the test images, shown in several ways.

    Args:
        model: a trained classifier.
        datasets: what it was trained on; the test part is used.
        whole: the predictions on the images as they are, where they are known already.
        seed: of the bootstrap.
    """
    maskings, notes = maskings_of(datasets)
    whole = predict_part(model, datasets) if whole is None else whole
    predictions = {maskings[0].key: whole}
    predictions |= {one.key: predict_part(model, one.of(datasets)) for one in maskings[1:]}
    return MaskedInputs(
        scores={key: score_of(found) for key, found in predictions.items()},
        kept={
            key: kept_share(whole, found, seed=seed)
            for key, found in predictions.items()
            if found is not whole
        },
        titles={one.key: one.title for one in maskings},
        chance=chance_of(whole),
        region=datasets.region,
        notes=notes,
    )
