"""`Controls`: what a recipe reaches on pictures that lack what a physician would look at."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.scores import in_words, interval_of
from keras_cxr.audit.of_model.base.tables import score_table
from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.scores import BootstrapIntervals

SHUFFLED = "shuffled"
_WITHOUT = {
    "border": "From the outer ring of the picture alone",
    "thumbnail": "From pictures of 24 x 24 pixels",
    "lungs": "From the lungs alone",
    "shape": "From the outline of the lungs alone",
    SHUFFLED: "Trained on shuffled labels",
}
MOST = 0.5  # of what is reached above chance


@dataclass(frozen=True, eq=False)
class Controls:
    """Scores of one recipe, trained anew on each kind of picture with the same budget.

    Each was tested on the same test images, shown as in its training. A high score without lungs
    shows that the classes CAN be told apart without lungs in this data set, by this recipe. It
    does not show that the finished model does so. The lungs' outline stays visible where they
    are blacked out, and what their masks leave out (often the lung behind the heart) stays in the
    picture.

    Attributes:
        mode: "quick" or "full".
        scores: by control; "full" (the images as they are) first.
        kept: by control, the share of the score above chance that is left, see `kept_share`.
        titles: by control, what it was trained on.
        seeds: balanced accuracies of the recipe on the images as they are, one for each seed.
        chance: the balanced accuracy of guessing.
        region: what the model itself was trained on: "full", "lungs" or "outside".
        num_training: training images of each control.
        epochs: epochs of each control.
        notes: which controls were left out, and why.
    """

    mode: str
    scores: dict[str, BootstrapIntervals]
    kept: dict[str, Estimate]
    titles: dict[str, str]
    seeds: tuple[float, ...]
    chance: float
    region: str
    num_training: int
    epochs: int
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the controls say, as sentences; the first is about the lungs where it can be."""
        return (*_without_lungs(self), *_others(self), *_seeds(self))

    @property
    def table(self) -> pd.DataFrame:
        """A row for each control: its scores and the share kept, with intervals."""
        return score_table(self.scores, self.kept, self.titles)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it, without NaN."""
        return {
            "mode": self.mode,
            "chance": self.chance,
            "region": self.region,
            "num_training": self.num_training,
            "epochs": self.epochs,
            "controls": {
                key: {
                    "title": self.titles[key],
                    **score.to_dict(),
                    "kept_share": self.kept[key].to_dict() if key in self.kept else None,
                }
                for key, score in self.scores.items()
            },
            "seeds": list(self.seeds),
            "notes": list(self.notes),
        }


def _without_lungs(controls: Controls) -> Iterator[Finding]:
    """Return the sentence about lungs; it ends with "most of the score ..." by rule only.

    The rule: the model is better than guessing (the lower limit of the full score lies above
    chance), and the whole 95 % interval of the share kept above chance lies above one half.
    """
    if "outside" not in controls.scores:
        return
    found, whole = (controls.scores[key].balanced_accuracy for key in ("outside", "full"))
    num_images = controls.scores["full"].num_images
    seen = "them alone" if controls.region == "lungs" else "them"
    beside = "of the" if found.value < whole.value else "beside the"
    sentence = (
        f"Without any lung in the picture the same recipe reaches {in_words(found)} {beside} "
        f"{in_words(whole)} it reaches with {seen} (balanced accuracy on {num_images:,} test "
        f"images, guessing reaches {controls.chance:.2f}; trained on {controls.num_training:,} "
        f"images for {controls.epochs} epochs each)"
    )
    if whole.low > controls.chance and controls.kept["outside"].low > MOST:
        sentence += ": most of the score does not come from lungs"
    yield Finding("controls", f"{sentence}.", found.value, interval_of(found))


def _others(controls: Controls) -> Iterator[Finding]:
    for key, words in _WITHOUT.items():
        if key in controls.scores:
            found = controls.scores[key].balanced_accuracy
            sentence = f"{words} the same recipe reaches {in_words(found)}"
            if key == SHUFFLED:
                sentence += f"; guessing reaches {controls.chance:.2f}"
            yield Finding(f"control_{key}", f"{sentence}.", found.value, interval_of(found))


def _seeds(controls: Controls) -> Iterator[Finding]:
    if len(controls.seeds) > 1:
        spread = statistics.stdev(controls.seeds)
        sentence = (
            f"Trained anew with {len(controls.seeds)} seeds the same recipe reaches "
            f"{min(controls.seeds):.3f} to {max(controls.seeds):.3f} (standard deviation "
            f"{spread:.3f})."
        )
        yield Finding("seeds", sentence, spread)
