"""The options that every command which trains takes, written once."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from keras_cxr.cli.common import OnError

ImageSize = Annotated[tuple[int, int], Parameter(negative="")]
Intensity = Literal["stored", "percentiles"]
Masks = Literal["auto", "files", "segment"]
Precision = Literal["auto", "float32", "mixed_bfloat16"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of `train` and `study`.

    Attributes:
        epochs: Training epochs; by default the recipe's, the study's 25.
        batch_size: Images in a batch.
        image_size: Height and width in pixels; the study used 224 224, LMAP3 needs 94 94.
        seed: Of the split, the augmentation and the first weights.
        precision: Arithmetic of training; auto takes bfloat16 where it is faster.
        weights: Of a network that has pretrained ones: "imagenet", "none" for random ones, or the
            path of a weights file.
        intensity: Show the range that files may use, or each film from its own 0.5th to its 99.5th
            percentile, for files that use little of their range.
        masks: Lung masks, where the region needs them: from files, else found on the film (auto),
            from files alone, or all found (segment).
        groups: CSV file with the columns file and group (or patient): groups stay in one part.
        group_duplicates: Keep copies of one photograph in one part.
        group_patients: Keep films of one patient, as DICOM files name them, in one part, where no
            groups are given.
        audit: CSV file of actions that an audit wrote: files to drop, to group, to label anew.
        split_by: Column of the CSV file, or of groups, whose values go to one part each.
        on_error: Stop at bad image files, or leave them out and count them.
    """

    epochs: int | None = None
    batch_size: int = 32
    image_size: ImageSize = (224, 224)
    seed: int = 0
    precision: Precision = "auto"
    weights: str = "imagenet"
    intensity: Intensity = "stored"
    masks: Masks = "auto"
    groups: Path | None = None
    group_duplicates: bool = True
    group_patients: bool = True
    audit: Path | None = None
    split_by: str | None = None
    on_error: OnError = "raise"

    def arguments(self) -> dict[str, Any]:
        """Return them as the functions behind the commands take them."""
        asked = {field.name: getattr(self, field.name) for field in fields(self)}
        return asked | {
            "weights": None if self.weights.lower() == "none" else self.weights,
            # where copies and patients cannot be looked for, none are: to insist takes Python
            "group_duplicates": "auto" if self.group_duplicates else False,
            "group_patients": "auto" if self.group_patients else False,
        }


DEFAULTS = TrainingOptions()
