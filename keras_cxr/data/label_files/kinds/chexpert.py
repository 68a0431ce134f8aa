"""CheXpert and MIMIC-CXR: a column for each finding, with 1, 0, -1 and blank."""

import re
from collections.abc import Collection, Sequence

import numpy as np

from keras_cxr.data.catalog import PART_NAMES
from keras_cxr.data.label_files.rows import LabelSource, Rows, patient_names, pick
from keras_cxr.data.label_files.states import (
    MISSING,
    NEGATIVE,
    POSITIVE,
    States,
    states_of_cells,
)
from keras_cxr.data.tables.columns import find_column, lacking
from keras_cxr.data.tables.joining import posix_file
from keras_cxr.errors import DataError

# Irvin et al.: CheXpert. AAAI 2019; MIMIC-CXR-JPG's labels name the same
FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum",
    "Fracture", "Lung Lesion", "Lung Opacity", "Pleural Effusion", "Pleural Other", "Pneumonia",
    "Pneumothorax", "Support Devices",
)  # fmt: skip
NONE = "No Finding"
_DEVICES = "Support Devices"

CHEXPERT = ("Path", NONE, "Enlarged Cardiomediastinum")
MIMIC = ("subject_id", "study_id", NONE)
_OF_MIMIC = (*MIMIC, "dicom_id", "ViewPosition", "split")

_Study = tuple[str, str]  # subject and study

_PATIENT = re.compile(r"(?:^|/)(patient\d+)(?:/|$)")


def parse_chexpert(source: LabelSource) -> Rows:
    """Return the rows of CheXpert's table: patient and part are in the path.

    Names stay as the file has them; torchxrayvision renames "Pleural Effusion" to "Effusion". A
    lateral film has the view "L", as there; a frontal one that the file does not call AP or PA is
    "FRONTAL". See `_states` for blanks.
    """
    files = source.cells("Path")
    findings, states, notes = _states(source)
    paths = [posix_file(file) for file in files]
    found = [_PATIENT.search(path) for path in paths]
    groups = [one[1] if one else "" for one in found]
    if "" in groups:
        notes.append(f"{groups.count(''):,} row(s) name no patient in their path")
    frontal, side = source.optional("Frontal/Lateral"), source.optional("AP/PA")
    views: list[str] = []
    if frontal is not None:
        sides = side or [""] * len(frontal)
        views = [
            (ap or one) if one.casefold() == "frontal" else one
            for one, ap in zip(frontal, sides, strict=True)
        ]
    steps = [path.split("/") for path in paths]
    parts = [
        next((PART_NAMES[step.lower()] for step in way if step.lower() in PART_NAMES), "")
        for way in steps
    ]
    return Rows(
        files,
        findings,
        states,
        groups=groups,
        views=views,
        parts=parts if any(parts) else [],
        notes=[*notes, *source.unused("Path", NONE, "Frontal/Lateral", "AP/PA", *findings)],
    )


def parse_mimic(source: LabelSource) -> Rows:
    """Return the rows of MIMIC-CXR's labels, which are of studies, for all films of each study.

    Which films a study has, `*-metadata.csv` beside the labels says, their parts `*-split.csv`;
    both may be `.csv.gz`. A table that has the column `dicom_id` already needs neither. Paths are
    those of MIMIC-CXR-JPG, p10/p10000032/s50414267/DICOM_ID.jpg.

    Raises:
        DataError: There is neither, or a file lacks the columns that join it.
    """
    findings, states, notes = _states(source)
    films = _films(source)
    row_of = _row_of_study(_studies(source), states, source.name, once=films is not source)
    studies = _studies(films)
    chosen = [film for film, study in enumerate(studies) if study in row_of]
    rows = chosen if films is source else [row_of[studies[film]] for film in chosen]
    if films is not source:
        notes += _unmatched(row_of.keys(), studies, films.name)
    names, views = films.cells("dicom_id"), films.optional("ViewPosition") or []
    groups, more = patient_names([studies[film][0] for film in chosen])
    parts, about = _parts(source, [names[film] for film in chosen])
    return Rows(
        [_path(*studies[film], names[film]) for film in chosen],
        findings,
        states[rows],
        groups=groups,
        views=pick(views, chosen),
        parts=parts,
        notes=[*notes, *more, *about, *source.unused(*_OF_MIMIC, *findings)],
    )


def _films(source: LabelSource) -> LabelSource:
    """Return the table with a row for each film: the labels' own, or the metadata beside it."""
    if source.optional("dicom_id") is not None:
        return source
    beside = source.beside("-metadata.csv")
    if beside is None:
        raise DataError(
            f"{source.name} labels studies; the films of each are in "
            "mimic-cxr-2.0.0-metadata.csv, which must lie beside it. For a DataFrame, join "
            "the columns dicom_id and ViewPosition first."
        )
    return beside


def _row_of_study(
    studies: Sequence[_Study], states: States, name: str, *, once: bool
) -> dict[_Study, int]:
    """Return the first row of each study; with `once`, further ones must say the same.

    Raises:
        DataError: One does not.
    """
    row_of: dict[_Study, int] = {}
    for row, study in enumerate(studies):
        first = row_of.setdefault(study, row)
        if once and first != row and (states[row] != states[first]).any():
            raise DataError(
                f"{name} labels the study {study[1]} of subject {study[0]} twice, and "
                "differently. Keep one of its rows."
            )
    return row_of


def _unmatched(labelled: Collection[_Study], of_films: Sequence[_Study], name: str) -> list[str]:
    """Return notes on studies without films and on films without labels."""
    empty = len(set(labelled) - set(of_films))
    left = sum(study not in labelled for study in of_films)
    notes = [f"left out: {empty:,} studies of which {name} names no film"] if empty else []
    return [*notes, f"left out: {left:,} film(s) of studies without labels"] if left else notes


def _states(source: LabelSource) -> tuple[tuple[str, ...], States, list[str]]:
    """Return findings, states and notes of a table with a column for each finding.

    "No Finding" is none: as in torchxrayvision, where it is 1, the blanks of that film are 0. What
    the file does say of the film stays, where torchxrayvision overwrites it, and support devices
    stay unknown, of which the labeller's "No Finding" says nothing.
    """
    findings = tuple(name for name in FINDINGS if find_column(source.table, name) is not None)
    if not findings:
        raise lacking(source.name, FINDINGS, source.table)
    absent = [name for name in FINDINGS if name not in findings]
    states, notes = states_of_cells({name: source.cells(name) for name in findings})
    if absent:
        notes.append(f"findings that the table has no column of: {', '.join(absent)}")
    healthy = states_of_cells({NONE: source.cells(NONE)})[0] == POSITIVE
    others = np.array([name != _DEVICES for name in findings])
    said = healthy & others & (states == MISSING)
    states[said] = NEGATIVE
    filled = int(said.any(axis=1).sum())
    if filled:
        notes.append(f"{filled:,} row(s) with {NONE!r} 1: their blanks are 0, save {_DEVICES}")
    torn = int((healthy & others & (states == POSITIVE)).any(axis=1).sum())
    if torn:
        notes.append(f"{torn:,} row(s) say {NONE!r} together with findings; the findings count")
    return findings, states, notes


def _studies(source: LabelSource) -> list[_Study]:
    """Return subject and study of each row, as whole numbers even where Excel wrote 5.0."""
    subjects, studies = source.cells("subject_id"), source.cells("study_id")
    return [
        (subject.removesuffix(".0"), study.removesuffix(".0"))
        for subject, study in zip(subjects, studies, strict=True)
    ]


def _path(subject: str, study: str, film: str) -> str:
    return f"p{subject[:2]}/p{subject}/s{study}/{film}.jpg" if film else ""


def _parts(source: LabelSource, films: list[str]) -> tuple[list[str], list[str]]:
    """Return MIMIC's own part of each film, and notes."""
    split = source if source.optional("split") is not None else source.beside("-split.csv")
    if split is None:
        return [], ["MIMIC's own split is not beside the labels (mimic-cxr-2.0.0-split.csv)"]
    told = zip(split.cells("dicom_id"), split.cells("split"), strict=True)
    # it calls the validation part "validate"
    part_of = {
        film: PART_NAMES.get("val" if part == "validate" else part, "") for film, part in told
    }
    parts = [part_of.get(film, "") for film in films]
    left = parts.count("")
    return parts, [f"{left:,} film(s) are in no part of {split.name}"] if left else []
