"""`DataAudit`: what an audit of data found, and the questions that it asks."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr._support.disk.jsonable import as_json
from keras_cxr._version import __version__
from keras_cxr.audit.findings import Finding, wrapped
from keras_cxr.audit.of_data.base.copies import Against, CopyGroup
from keras_cxr.audit.of_data.base.opened_data import AGAINST
from keras_cxr.audit.of_data.flags.find import Flag
from keras_cxr.audit.of_data.questions.copies import ask_copies, conflicts_among
from keras_cxr.audit.of_data.questions.flags import ask_flags
from keras_cxr.audit.of_data.questions.leakage import Leak, ask_leaks
from keras_cxr.audit.of_data.questions.patients import PatientAcrossClasses, ask_patients
from keras_cxr.audit.of_data.questions.shortcuts import ask_shortcuts
from keras_cxr.audit.of_data.shortcuts.result import Shortcuts
from keras_cxr.audit.outcomes import question

SCHEMA_VERSION = 1
_LINES = 22  # a terminal's smallest usual screen has 24, the command adds two


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class DataAudit:
    """What was found in a data set; made by `audit_data`.

    Attributes:
        name: the folder's or table's own name.
        layout: how its files were found, in words.
        num_images: how many there are, the corrupt ones too.
        class_counts: how many of each class; empty for images without classes.
        class_of: the class of every file by its name.
        num_patients: how many patients are named.
        against: the other data set, where one was given.
        duplicate_groups: the photographs that stand there several times, largest group first.
        leaks: what splits leak, by what is shared.
        patients_across_classes: patients whose images are filed under several classes.
        flags: files that are not what they should be.
        shortcuts: what the files' own attributes tell of the class.
        findings: what was found, as plain sentences.
        actions: what to do: columns file, action, group, label and reason.
        notes: what is worth knowing, such as what could not be measured.
        left_out: those of the notes that say how files were found and what was left out.
    """

    name: str
    layout: str
    num_images: int
    class_counts: dict[str, int]
    class_of: dict[str, str]
    num_patients: int
    against: Against | None
    # asked, and read, in this order
    duplicate_groups: tuple[CopyGroup, ...] = field(metadata=question("", ask_copies))
    leaks: tuple[Leak, ...] = field(metadata=question("", ask_leaks))
    patients_across_classes: tuple[PatientAcrossClasses, ...] = field(
        metadata=question("", ask_patients)
    )
    flags: tuple[Flag, ...] = field(metadata=question("", ask_flags))
    shortcuts: Shortcuts = field(
        metadata=question("Judging what the files alone tell of the class", ask_shortcuts)
    )
    findings: tuple[Finding, ...]
    actions: pd.DataFrame
    notes: tuple[str, ...]
    left_out: tuple[str, ...]
    _prefix: str  # what makes the catalog's paths relative to the audited folder
    _write: "Callable[[DataAudit, Path], Path]"

    @property
    def conflicts(self) -> tuple[CopyGroup, ...]:
        """The photographs under several classes: at least one label of each is wrong."""
        return conflicts_among(self.duplicate_groups)

    def to_dict(self) -> dict[str, Any]:
        """Return what `audit.json` holds, without NaN; `docs/audit.md` describes it."""
        return as_json(
            {
                "schema_version": SCHEMA_VERSION,
                "keras_cxr": __version__,
                "folder": self.name,
                "layout": self.layout,
                "num_images": self.num_images,
                "classes": self.class_counts,
                "against": None if self.against is None else self.against._asdict(),
                "duplicate_groups": [self._plain(group) for group in self.duplicate_groups],
                "conflicts": [self._plain(group) for group in self.conflicts],
                "patients_across_classes": [
                    self._plain(patient) for patient in self.patients_across_classes
                ],
                "leakage": [leak.to_dict() for leak in self.leaks],
                "shortcuts": self.shortcuts.to_dict(),
                "flags": [self._plain(flag) for flag in self.flags],
                "findings": [finding.to_dict() for finding in self.findings],
                "notes": list(self.notes),
            }
        )

    def write(self, out_dir: str | os.PathLike[str]) -> Path:
        """Write actions.csv, audit.html and, last, audit.json; return the folder.

        Raises:
            InvalidArgumentError: The folder lies inside the audited one.
            OutputError: It cannot be written, or holds files of these names of somebody else.
        """
        return self._write(self, Path(out_dir))

    def _plain(self, found: CopyGroup | PatientAcrossClasses | Flag) -> dict[str, Any]:
        """Return what was found, with paths that are relative to the audited folder."""
        item = found.to_dict()
        if "files" in item:
            item["files"] = [
                file if file.startswith(AGAINST) else self._prefix + file for file in item["files"]
            ]
        if "file" in item:
            item["file"] = self._prefix + item["file"]
        return item

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count:,}" for name, count in self.class_counts.items())
        lines = wrapped(f"{self.name}: {self.num_images:,} images ({counts or 'no classes'})")
        for number, finding in enumerate(self.findings):
            more = wrapped(finding.sentence, "- ")
            if len(lines) + len(more) >= _LINES:
                rest = len(self.findings) - number
                lines.append(f"- and {rest} more on the page that --out DIR writes")
                break
            lines += more
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"DataAudit({self.name!r}, num_images={self.num_images})"
