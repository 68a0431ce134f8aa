"""Whether the test part is really held out: copies and patients that training has seen."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
from keras_cxr.audit.of_model.base.scores import in_words, score_of
from keras_cxr.audit.of_model.base.subject import AuditedModel
from keras_cxr.audit.outcomes import Outcome, measured
from keras_cxr.statistics.intervals.scores import BootstrapIntervals

if TYPE_CHECKING:
    from keras_cxr.data import Datasets


@dataclass(frozen=True, eq=False)
class HeldOut:
    """How many test images have a copy, or another image of their patient, in the training part.

    It knows of those groups alone that the data set was told of or that were found. Patients
    without a name leak unseen.

    Attributes:
        num_test: test images.
        num_leaked: those of a group that training has seen.
        num_groups: groups of two images and more that are known, in all parts.
        searched: whether copies were looked for.
        named: whether groups are known that are no copies, such as patients.
        leaks_unaware: validation and test images that a split without knowledge of copies would
            have leaked; None where copies were not looked for.
        score: on all test images.
        score_clean: without the leaked ones; None where there are none, or nothing is left.
    """

    num_test: int
    num_leaked: int
    num_groups: int
    searched: bool
    named: bool
    leaks_unaware: int | None
    score: BootstrapIntervals
    score_clean: BootstrapIntervals | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The leak in one sentence."""
        return (self._leaks(),)

    def _leaks(self) -> Finding:
        images = f"{self.num_test:,} test images"
        if not (self.searched or self.named):
            return Finding(
                "leaks",
                f"Whether any of the {images} has a copy or its patient in the training part is "
                "not known: copies were not looked for and no patients are named.",
            )
        seen = ["a copy"] * self.searched + ["an image of its group"] * self.named
        what = " or ".join(seen)
        if not self.num_leaked:
            sentence = f"None of the {images} has {what} in the training part"
            if self.leaks_unaware:
                sentence += (
                    f"; a split that does not know of copies would have put "
                    f"{self.leaks_unaware:,} validation and test images beside theirs"
                )
            return Finding("leaks", f"{sentence}.", 0)
        sentence = f"{self.num_leaked:,} of the {images} have {what} in the training part"
        if self.score_clean is not None:
            clean, every = self.score_clean.balanced_accuracy, self.score.balanced_accuracy
            sentence += (
                f"; without them balanced accuracy is {in_words(clean, 3)}, with them "
                f"{in_words(every, 3)}"
            )
        return Finding("leaks", f"{sentence}.", self.num_leaked)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it, without NaN."""
        return {
            "num_test": self.num_test,
            "num_leaked": self.num_leaked,
            "num_groups": self.num_groups,
            "searched": self.searched,
            "named": self.named,
            "leaks_unaware": self.leaks_unaware,
            "score": self.score.to_dict(),
            "score_clean": None if self.score_clean is None else self.score_clean.to_dict(),
        }


def ask_held_out(subject: AuditedModel) -> Outcome:
    """Return what `measure_held_out` finds."""
    return measured(measure_held_out(subject.datasets, subject.test))


def measure_held_out(datasets: "Datasets", test: LabelledPredictions) -> HeldOut:
    """Return how many test images training has seen a copy or the patient of, and what for.

    Args:
        datasets: its table names the groups, its `copies` whether they were looked for.
        test: the model's predictions on the test part.
    """
    table = datasets.table
    known = set(table["group"][table["part"] == "train"]) - {""}
    leaked = np.isin(test.groups, list(known))
    sizes = table["group"][table["group"] != ""].value_counts()
    copies, num_groups = datasets.copies, int((sizes > 1).sum())
    score = score_of(test)
    clean = None
    if leaked.any() and len(np.unique(test.labels[~leaked])) > 1:
        clean = score_of(test.chosen(~leaked))
    return HeldOut(
        num_test=len(test.labels),
        num_leaked=int(leaked.sum()),
        num_groups=num_groups,
        searched=copies is not None,
        named=num_groups > (0 if copies is None else copies.num_groups),
        leaks_unaware=None if copies is None else copies.leaks_unaware,
        score=score,
        score_clean=clean,
    )
