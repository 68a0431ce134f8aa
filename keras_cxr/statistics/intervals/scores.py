"""`BootstrapIntervals`: how well a model answers, each score with its interval."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_cxr.statistics.intervals.estimates import Estimate, estimate_columns, on_test_images

_PER_CLASS = ("recall", "precision", "f1")


@dataclass(frozen=True, eq=False)
class BootstrapIntervals:
    """Scores with intervals that hold where several images belong to one patient.

    They say how far the scores may move with other patients of the same source. They do not
    show what other hospitals, another training run or wrong labels would do.

    Attributes:
        accuracy: share of images whose likeliest class is the real one.
        balanced_accuracy: mean of the recalls of the classes that occur.
        macro_f1: mean of the F1 of the classes that occur.
        recall: one for each class; NaN where the class does not occur.
        precision: one for each class; NaN where the class was never predicted.
        f1: one for each class.
        class_names: in the order of the probabilities' columns.
        num_images: how many images.
        num_groups: how many groups; an image alone counts as one.
        largest_group: share of the images that belong to the largest group, in [0, 1].
        outweighed: whether that group outweighs the others, so that the limits are the wider of
            two (see `keras_cxr.statistics.intervals.shares`).
    """

    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_f1: Estimate
    recall: tuple[Estimate, ...]
    precision: tuple[Estimate, ...]
    f1: tuple[Estimate, ...]
    class_names: tuple[str, ...]
    num_images: int
    num_groups: int
    largest_group: float = 0.0
    outweighed: bool = False

    @property
    def caution(self) -> str:
        """What to know of a group that outweighs the others, in a sentence; "" where none does."""
        if not self.outweighed:
            return ""
        return (
            f"The largest of {self.num_groups:,} groups holds {self.largest_group:.0%} of the "
            "images: the intervals are wide, since nobody can tell how it stands for others."
        )

    @property
    def per_class(self) -> pd.DataFrame:
        """A row per class: recall, precision and F1, each with `_low`, `_high` and `_method`."""
        columns: dict[str, list[Any]] = {}
        for name in _PER_CLASS:
            estimates = getattr(self, name)
            columns |= estimate_columns(name, estimates)
            columns[f"{name}_method"] = [estimate.method for estimate in estimates]
        return pd.DataFrame(columns, index=pd.Index(self.class_names, name="class"))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The scores in plain sentences."""
        on = on_test_images(self.num_images, self.num_groups)
        weakest = min(
            (
                pair
                for pair in zip(self.recall, self.class_names, strict=True)
                if pair[0].value >= 0
            ),
            key=lambda pair: pair[0].value,
        )
        found = (
            f"Accuracy is {self.accuracy}, balanced accuracy {self.balanced_accuracy} {on}.",
            f"The class found least often is {weakest[1]}: recall {weakest[0]}.",
        )
        return (*found, self.caution) if self.caution else found

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, ready for JSON: NaN becomes `None`."""
        return {
            "num_images": self.num_images,
            "num_groups": self.num_groups,
            "largest_group": self.largest_group,
            "accuracy": self.accuracy.to_dict(),
            "balanced_accuracy": self.balanced_accuracy.to_dict(),
            "macro_f1": self.macro_f1.to_dict(),
            "per_class": {
                name: {score: getattr(self, score)[index].to_dict() for score in _PER_CLASS}
                for index, name in enumerate(self.class_names)
            },
        }

    def __str__(self) -> str:
        table = pd.DataFrame(
            {name: [str(one) for one in getattr(self, name)] for name in _PER_CLASS},
            index=pd.Index(self.class_names),
        )
        return "\n".join(
            [
                f"{self.num_images:,} images in {self.num_groups:,} groups, 95 % intervals",
                f"accuracy           {self.accuracy}",
                f"balanced accuracy  {self.balanced_accuracy}",
                f"macro F1           {self.macro_f1}",
                "",
                table.to_string(),
            ]
        )
