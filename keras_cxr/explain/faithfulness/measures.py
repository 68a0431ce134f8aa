"""The questions that are put to a map, as a table: title, direction, and what no answer shows."""

from collections.abc import Iterable
from dataclasses import dataclass

METHOD, AREA = "method", "area"  # beside the controls: the method's map, a mask's share of pixels


@dataclass(frozen=True)
class Measure:
    """One question.

    Attributes:
        key: column of the table.
        title: begins the sentence.
        lower_is_better: which way is good.
        not_shown: what a good answer does not show.
    """

    key: str
    title: str
    lower_is_better: bool
    not_shown: str


PROBABILITY_MEASURES = (
    Measure(
        "deletion",
        "Deletion (area under the probability while the hottest pixels go first; less is better)",
        True,
        "That is about what the model uses, not about what is there: a true map of a model that "
        "reads a mark in the corner points to the mark.",
    ),
    Measure(
        "insertion",
        "Insertion (area under the probability while the hottest pixels come first; more is "
        "better)",
        False,
        "It asks what deletion asks, from the other end: the two are hardly two proofs.",
    ),
    Measure(
        "average_drop",
        "Average drop (lost share of the probability where the map alone lets the image through; "
        "less is better)",
        True,
        "The controls have the map's own amount of heat, since any larger map drops less.",
    ),
    Measure(
        "increase",
        "Increase in confidence (share of images that gain probability through the map; more is "
        "better)",
        False,
        "Blurred pictures are none that the model was trained on.",
    ),
)
SENSITIVITY = Measure(
    "sensitivity",
    "Sensitivity (largest relative change of the map under small noise; less is steadier)",
    True,
    "A map that never looks at the image, such as the centre, has 0: steady is not yet true.",
)


def mask_measures(names: Iterable[str]) -> list[Measure]:
    """Return the two questions for each mask, in order."""
    found = []
    for name in names:
        found += [
            Measure(
                f"pointing_{name}",
                f"Pointing game, {name} (share of maps whose hottest pixel lies inside; more is "
                "better)",
                False,
                "One pixel decides: most of the heat may lie elsewhere.",
            ),
            Measure(
                f"energy_{name}",
                f"Energy, {name} (share of the heat that lies inside; more is better)",
                False,
                f"It does not show that the model read the {name} as a physician would.",
            ),
        ]
    return found
