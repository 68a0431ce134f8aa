"""RSNA Pneumonia Detection Challenge: `stage_2_train_labels.csv`, a row for each box."""

import numpy as np

from keras_cxr.data.label_files.rows import LabelSource, Rows
from keras_cxr.data.label_files.states import (
    MISSING,
    NEGATIVE,
    POSITIVE,
    TORN,
    States,
    states_of_cells,
)
from keras_cxr.data.tables.columns import meaning
from keras_cxr.errors import DataError

COLUMNS = ("patientId", "Target")
OPACITY = "Lung Opacity"
OTHER = "No Lung Opacity / Not Normal"
_CLASSES = (OPACITY, OTHER, "Normal")
_CLASS_INFO = "detailed_class_info.csv"


def is_rsna(source: LabelSource) -> bool:
    """Return whether patientId is the film: not where another column names a file.

    A hospital's own table may have the columns file, patient_id and target.
    """
    return all(meaning(column) != "file" for column in source.table.columns)


def parse_rsna(source: LabelSource) -> Rows:
    """Return a row for each box of the challenge's table: Target is the finding "Lung Opacity".

    Where `stage_2_detailed_class_info.csv` lies beside it, its class is the second finding, "No
    Lung Opacity / Not Normal"; of films with an opacity nobody was asked for it, so that it is
    missing there. torchxrayvision returns Target twice, as "Pneumonia" and "Lung Opacity": here
    one answer is one finding.

    `patientId` is the name of the film: NIH's patients, of whom some have several films here, are
    not in this file. So there are no groups, where torchxrayvision takes it for the patient.
    """
    files = source.cells("patientId")
    states, notes = states_of_cells({OPACITY: source.cells("Target")})
    notes += source.unused(*COLUMNS)
    notes.append("patientId names the film: which films are of one patient is not in this file")
    findings: tuple[str, ...] = (OPACITY,)
    classes = source.beside(_CLASS_INFO)
    if classes is not None:
        findings = (OPACITY, OTHER)
        states, more = _with_classes(files, states, classes)
        notes += more
    return Rows(files, findings, states, notes=notes, several="any")


def _with_classes(
    files: list[str], states: States, source: LabelSource
) -> tuple[States, list[str]]:
    told = zip(source.cells("patientId"), source.cells("class"), strict=True)
    class_of: dict[str, str] = {}
    for film, name in told:
        if name not in _CLASSES:
            raise DataError(
                f"{source.name} has the class {name!r}; expected {', '.join(map(repr, _CLASSES))}"
            )
        if class_of.setdefault(film, name) != name:
            raise DataError(f"{source.name} has two classes for {film}. Keep one of them.")
    names = np.array([class_of.get(film, "") for film in files], dtype=object)
    target = states[:, 0].copy()
    torn = (names == OPACITY) & (target == NEGATIVE) | np.isin(names, _CLASSES[1:]) & (
        target == POSITIVE
    )
    target[torn] = TORN
    other = np.full(len(files), MISSING, np.int8)
    other[names == OTHER] = POSITIVE
    other[names == "Normal"] = NEGATIVE
    notes = []
    if torn.any():
        films = len({files[row] for row in np.flatnonzero(torn)})
        notes.append(
            f"Target and class contradict each other, read as unknown: {OPACITY} {films:,}"
        )
    without = len({film for film in files if film not in class_of})
    if without:
        notes.append(f"{without:,} film(s) are not in {source.name}")
    return np.stack([target, other], axis=1), notes
