"""`AuditedModel`: what each question to a model is asked of."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import keras

from keras_cxr.audit.of_model.base.predictions import LabelledPredictions, predict_part

if TYPE_CHECKING:
    from keras_cxr.data import Datasets


@dataclass(frozen=True, eq=False)
class AuditedModel:
    """A finished model with its data and what it predicts on them.

    Attributes:
        model: the finished model.
        datasets: what it was trained, validated and tested on.
        test: its predictions on the test part.
        metadata: a table with the column file and columns of subgroups, or None.
        seed: of the bootstrap and of whatever is drawn.
    """

    model: keras.Model
    datasets: "Datasets"
    test: LabelledPredictions
    metadata: Any = None
    seed: int = 0

    @cached_property
    def validation(self) -> LabelledPredictions | None:
        """The model's predictions on the validation part; None where there is none."""
        return None if self.datasets.val is None else predict_part(self.model, self.datasets, "val")
