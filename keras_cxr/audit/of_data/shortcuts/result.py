"""`Shortcuts`: what tells the class without looking at the patient."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from keras_cxr._support.disk.documents import COUNT, SHARE
from keras_cxr.audit.findings import Finding

SCHEMA_VERSION = 1
SHORTCUT_COLUMNS = (
    "name",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "balanced_accuracy",
    "balanced_accuracy_low",
    "balanced_accuracy_high",
)

FORM = {
    "num_images": COUNT,
    "classes": [str],
    "majority_class": str,
    "majority_share": (SHARE, None),
    "chance": (SHARE, None),
    "carrier": str,
    "table": [{name: str if name == "name" else (float, None) for name in SHORTCUT_COLUMNS}],
    "findings": [
        {
            "key": str,
            "sentence": str,
            "value": (float, None),
            "interval": ([float, float], None),
        }
    ],
    "notes": [str],
}
"""What `Shortcuts.to_memo` returns, see `documents`."""


@dataclass(frozen=True, eq=False, repr=False)
class Shortcuts:
    """What tells the class without looking at the patient; made by `measure_shortcuts`.

    Attributes:
        table: one row for each set of inputs: "attributes" (all families together), "dicom" where
            there are DICOM films, each of `FAMILIES` alone, each DICOM tag that differs alone,
            "thumbnails" (24 x 24 pixels), "border pixels" (the outermost ring of them) and
            "source", with accuracy, balanced_accuracy and their 95 % limits (_low, _high). Empty
            where there are too few images.
        classes: those that were told apart.
        num_images: how many images were judged.
        majority: (class, share) of the largest class: the accuracy of always saying it.
        chance: balanced accuracy of guessing, 1 / number of classes.
        carrier: the family that carries most of it; "" where none is better than guessing.
        findings: the same in sentences.
        notes: what is worth knowing, such as classes that were left out.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    num_images: int
    majority: tuple[str, float]
    chance: float
    carrier: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def unmeasured(cls, *notes: str) -> "Shortcuts":
        """Return that nothing was measured, and why."""
        empty = pd.DataFrame(columns=list(SHORTCUT_COLUMNS))
        return cls(empty, (), 0, ("", 0.0), 0.0, "", (), notes)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON holds it, with a `schema_version`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "num_images": self.num_images,
            "classes": list(self.classes),
            "majority_class": self.majority[0],
            "majority_share": self.majority[1] if self.classes else None,
            "chance": self.chance if self.classes else None,
            "carrier": self.carrier,
            "table": self.table.to_dict("records"),
            "notes": list(self.notes),
        }

    def to_memo(self) -> dict[str, Any]:
        """Return all that `from_memo` needs, as JSON holds it."""
        return self.to_dict() | {"findings": [one.to_dict() for one in self.findings]}

    @classmethod
    def from_memo(cls, known: dict[str, Any]) -> "Shortcuts":
        """Return the shortcuts that a dictionary of the form `FORM` holds."""
        return cls(
            table=pd.DataFrame(known["table"], columns=list(SHORTCUT_COLUMNS)),
            classes=tuple(known["classes"]),
            num_images=known["num_images"],
            majority=(known["majority_class"], known["majority_share"] or 0.0),
            chance=known["chance"] or 0.0,
            carrier=known["carrier"],
            findings=tuple(Finding.from_dict(one) for one in known["findings"]),
            notes=tuple(known["notes"]),
        )

    def __str__(self) -> str:
        lines = []
        if self.classes:
            lines = [f"{'told from':14}  {'accuracy':20}  balanced accuracy"]
            for row in self.table.itertuples(index=False):
                one = f"{row.accuracy:.2f} [{row.accuracy_low:.2f}, {row.accuracy_high:.2f}]"
                lines.append(
                    f"{row.name:14}  {one:20}  {row.balanced_accuracy:.2f} "
                    f"[{row.balanced_accuracy_low:.2f}, {row.balanced_accuracy_high:.2f}]"
                )
            lines.append(f"{'guessing':14}  {self.majority[1]:.2f} {'':15}  {self.chance:.2f}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return f"Shortcuts(num_images={self.num_images}, carrier={self.carrier!r})"
