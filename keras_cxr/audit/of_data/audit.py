"""`audit_data`: what in a folder of chest X-rays makes a result untrue, before any training."""

import os
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from keras_cxr._support.checks import check_image_size
from keras_cxr._support.disk.files import output_folder, write_whole
from keras_cxr._support.disk.jsonable import write_json
from keras_cxr._support.disk.outputs import DATA_AUDIT, check_free
from keras_cxr._support.text.csv_cells import csv_text
from keras_cxr.audit.findings import Finding, wrapped
from keras_cxr.audit.of_data.document import as_document
from keras_cxr.audit.of_data.flags.find import Flag
from keras_cxr.audit.of_data.measured_once import attributes_once, flags_once, shortcuts_once
from keras_cxr.audit.of_data.opened_data import (
    Data,
    Pictures,
    open_data,
    places_of_pictures,
)
from keras_cxr.audit.of_data.page import render_audit
from keras_cxr.audit.of_data.proposals import list_actions
from keras_cxr.audit.of_data.questions.copies import (
    Against,
    CopyGroup,
    find_copies,
    kept_together,
    names_of_copies,
)
from keras_cxr.audit.of_data.questions.leakage import Leak, measure_leaks
from keras_cxr.audit.of_data.questions.metadata import (
    PatientAcrossClasses,
    Table,
    patients_across_classes,
    read_metadata,
    with_dicom_patients,
)
from keras_cxr.audit.of_data.sentences import state_findings
from keras_cxr.audit.of_data.shortcuts.measure import Shortcuts
from keras_cxr.data.options import check_searchable

_LINES = 22  # a terminal's smallest usual screen has 24, the command adds two


@dataclass(frozen=True, eq=False, repr=False)
class DataAudit:
    """What was found in a data set; made by `audit_data`.

    Attributes:
        name: The folder's or table's own name.
        layout: How its files were found, in words.
        num_images: How many there are, the corrupt ones too.
        class_counts: How many of each class; empty for images without classes.
        duplicate_groups: The photographs that stand there several times, largest group first.
        against: The other data set, where one was given.
        patients_across_classes: Patients whose images are filed under several classes.
        num_patients: How many patients are named.
        leaks: What splits leak, by what is shared.
        shortcuts: What the files' own attributes tell of the class.
        flags: Files that are not what they should be.
        actions: What to do: columns file, action, group, label and reason.
        notes: What is worth knowing, such as what could not be measured.
        class_of: The class of every file by its name.
        left_out: Those of the notes that say how files were found and what was left out.
    """

    name: str
    layout: str
    num_images: int
    class_counts: dict[str, int]
    duplicate_groups: tuple[CopyGroup, ...]
    against: Against | None
    patients_across_classes: tuple[PatientAcrossClasses, ...]
    num_patients: int
    leaks: tuple[Leak, ...]
    shortcuts: Shortcuts
    flags: tuple[Flag, ...]
    actions: pd.DataFrame
    notes: tuple[str, ...]
    class_of: dict[str, str]
    left_out: tuple[str, ...]
    _prefix: str
    _folders: tuple[Path, ...]
    _pictures: Pictures

    @property
    def conflicts(self) -> tuple[CopyGroup, ...]:
        """The photographs under several classes: at least one label of each is wrong."""
        return tuple(group for group in self.duplicate_groups if group.is_conflict)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, as plain sentences."""
        return state_findings(self)

    def to_dict(self) -> dict[str, Any]:
        """Returns what `audit.json` holds, without NaN; `docs/audit.md` describes it."""
        return as_document(self, prefix=self._prefix)

    def write(self, out_dir: str | os.PathLike[str]) -> Path:
        """Writes actions.csv, audit.html and, last, audit.json; returns the folder.

        Raises:
            InvalidArgumentError: The folder lies inside the audited one.
            OutputError: It cannot be written, or holds files of these names of somebody else.
        """
        check_free(out_dir, DATA_AUDIT, inputs=self._folders, called="audited")
        page, document = render_audit(self, self._pictures), self.to_dict()
        folder = output_folder(out_dir)
        write_whole(folder / "actions.csv", csv_text(self.actions))
        write_whole(folder / "audit.html", page)
        write_json(folder / "audit.json", document)
        return folder

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


def audit_data(
    data: Data,
    *,
    against: Data | None = None,
    metadata: Table | None = None,
    image_size: tuple[int, int] = (224, 224),
    root: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    verbose: bool | str = "auto",
) -> DataAudit:
    """Returns what in a data set of chest X-rays makes a result untrue, before any training.

    Copies of photographs and their conflicting labels, what splits leak, patients under
    several classes, what file attributes alone tell of the class, and files that are corrupt,
    blank or of another kind. Nothing is changed, and nothing written but the cache of decoded
    images, which makes a second call fast. Corrupt files are flags, not errors.

    What it does not show: that the labels are right (only that photographs contradict
    themselves), that two films are of one patient (unless the metadata say so), or that a
    model uses a shortcut which is there; `audit_model` asks the model.

    Args:
        data: A folder, CSV file or DataFrame as `make_datasets` takes it, or a folder of images
            without classes: then what needs none is asked.
        against: Another one, such as an external test set, that must not hold copies.
        metadata: A CSV file or DataFrame with the column file (paths relative to the folder)
            and any of patient, patient_id, subject or group, and source. A table as
            `data` is taken by itself.
        image_size: (height, width), at least 64, of the decoded images that are compared.
        root: The folder that a table's paths are relative to; by default the CSV's own.
        cache_dir: Where decoded images and results are kept; by default `KERAS_CXR_CACHE` or
            the user's cache folder.
        seed: Of the random splits that leaks are counted on, and of cross-validation.
        verbose: True shows progress on stderr while files are read, "auto" only in a terminal.

    Returns:
        The frozen `DataAudit`: print it for a summary, `write` it for a page with pictures.

    Raises:
        NotFoundError: There is no such folder or file.
        DataError: No layout fits, or the metadata fit no image.
        InvalidArgumentError: An argument has a value that cannot work.
        OutputError: The cache cannot be written.

    Examples:
        >>> from keras_cxr import make_phantoms
        >>> from keras_cxr.audit import audit_data
        >>> folder = make_phantoms("phantoms", images_per_class=4)  # doctest: +SKIP
        >>> print(audit_data(folder))  # doctest: +SKIP
    """
    options: dict[str, Any] = {
        "image_size": check_searchable(check_image_size(image_size)),
        "root": root,
        "cache_dir": cache_dir,
        "verbose": verbose,
    }
    opened = open_data(data, **options)
    other = None if against is None else open_data(against, **options)
    catalog = opened.catalog
    files = [entry.file for entry in catalog.entries]
    known = with_dicom_patients(
        read_metadata(catalog, _own_table(data, metadata), prefix=opened.prefix),
        [record.patient for record in opened.records],
    )
    _tell("Looking for copies", verbose)
    copies = find_copies(opened, other, **options)
    _tell("Looking at each file", verbose)
    attributes = attributes_once(opened, verbose=verbose)
    flags = flags_once(opened, attributes, seed=seed)
    _tell("Judging what the files alone tell of the class", verbose)
    together = kept_together(files, known.patients, copies.groups)
    shortcuts = shortcuts_once(opened, attributes, together, sources=known.sources, seed=seed)
    shared = {
        "copies": names_of_copies(files, copies.groups),
        "patient": known.patients,
        "source": known.sources,
    }
    leaks, notes = measure_leaks(catalog, shared, seed)
    counts = Counter(entry.label for entry in catalog.entries)
    return DataAudit(
        name=opened.name,
        layout=catalog.layout,
        num_images=len(files),
        class_counts={name: counts[name] for name in catalog.class_names if name},
        duplicate_groups=copies.groups,
        against=copies.against,
        patients_across_classes=patients_across_classes(catalog, known.patients),
        num_patients=len({*known.patients} - {""}),
        leaks=leaks,
        shortcuts=shortcuts,
        flags=flags,
        actions=list_actions(
            files,
            class_of=copies.class_of,
            patients=known.patients,
            groups=copies.groups,
            flags=flags,
        ),
        notes=(*catalog.notes, *known.notes, *shortcuts.notes, *notes),
        class_of=copies.class_of,
        left_out=catalog.notes,
        _prefix=opened.prefix,
        _folders=tuple(
            one.folder for one in (opened, other) if one is not None and one.folder is not None
        ),
        _pictures=Pictures(places_of_pictures(opened, other), attributes),
    )


def _tell(step: str, verbose: bool | str) -> None:
    """Names on stderr what takes seconds, where `reading.progress` would show a bar."""
    if verbose is True or (verbose == "auto" and sys.stderr.isatty()):
        print(step, file=sys.stderr)


def _own_table(data: Data, metadata: Table | None) -> Table | None:
    """Returns the table that tells of patients and sources: the data's own where none is given."""
    if metadata is not None or isinstance(data, pd.DataFrame):
        return data if metadata is None else metadata
    return None if Path(data).expanduser().is_dir() else data
