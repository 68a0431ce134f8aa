"""The study's five experiments as data, with what it measured, and two of ours beside them."""

from dataclasses import dataclass

from keras_cxr.errors import InvalidArgumentError

# images per class of the database that the study used
STUDY_CLASS_COUNTS = {
    "COVID": 3_616,
    "Lung_Opacity": 6_012,
    "Normal": 10_192,
    "Viral Pneumonia": 1_345,
}
STUDY_EPOCHS = 25
STUDY_IMAGE_SIZE = (224, 224)


@dataclass(frozen=True)
class Experiment:
    """One row of the study's table.

    Attributes:
        key: the letter it goes by.
        title: what it is, in words.
        model: name in the model registry.
        region: "full" images or the "lungs" alone.
        augment: whether training images are rotated, zoomed and flipped.
        study_accuracy: test accuracy that the study measured, in [0, 1]; `None` for ours.
        study_seconds: seconds per epoch that the study measured; `None` for ours.
        recipe: that it is trained by, as `train` takes it.
    """

    key: str
    title: str
    model: str
    region: str
    augment: bool
    study_accuracy: float | None = None
    study_seconds: float | None = None
    recipe: str = "study"


_ROWS = (
    Experiment("A", "LMAP3, full images, no augmentation", "lmap3", "full", False, 0.90, 22.1),
    Experiment("B", "LMAP3, full images, augmented", "lmap3", "full", True, 0.91, 34.4),
    Experiment("C", "LMAP3, lung section only, augmented", "lmap3", "lungs", True, 0.83, 35.9),
    Experiment("D", "AlexNet, full images, augmented", "alexnet", "full", True, 0.85, 24.2),
    Experiment("E", "VGG19, full images, augmented", "vgg19", "full", True, 0.75, 300.0),
    # what the recipe gives, and what the network
    Experiment("F", "LMAP3, full images, our recipe", "lmap3", "full", True, recipe="best"),
    Experiment("G", "AlexNet, full images, our recipe", "alexnet", "full", True, recipe="gentle"),
)
EXPERIMENTS = {row.key: row for row in _ROWS}


def select_experiments(letters: str) -> tuple[Experiment, ...]:
    """Return the experiments with these letters, in the table's order, each once.

    Raises:
        InvalidArgumentError: (a ValueError) a letter is none of A to G, or there is none.
    """
    wanted = set(letters.upper())
    unknown = sorted(wanted - set(EXPERIMENTS))
    if unknown or not wanted:
        raise InvalidArgumentError(
            f"experiments must be letters from {''.join(EXPERIMENTS)}, for example 'AB', "
            f"not {letters!r}."
        )
    return tuple(row for row in _ROWS if row.key in wanted)
