"""Films of one patient, as DICOM files name them, stay in one part of a split.

What is used of PatientID is whether two films have the same one. Neither the number nor anything
made of it is kept: groups are called by their first file, and the cache holds "1", "2", ...
"""

from collections.abc import Sequence
from dataclasses import replace

from keras_cxr.data.groups import rows_by_name
from keras_cxr.data.splitting.parts import Divide, Split, keep_together, leaks_in_words


def usable_patients(patients: Sequence[str]) -> tuple[list[str], str]:
    """Return whose films these are, "" where not known, and a note if that cannot be believed.

    One patient for all films is what software writes in place of the names that it takes out.

    Args:
        patients: `Record.patient` of each image.
    """
    named = [patient for patient in patients if patient]
    if len(named) > 1 and len(set(named)) == 1:
        return [""] * len(patients), (
            f"all {len(named):,} DICOM files that name a patient name the same one: that is taken "
            "for a placeholder and not used. groups= or a column patient tell whose films they are"
        )
    return list(patients), ""


def keep_patients_together(
    split: Split, patients: Sequence[str], divide: Divide, *, wanted: bool | str
) -> Split:
    """Return a split that divides no patient, with notes on what that changed.

    Args:
        split: one that does not know of patients
        patients: `Record.patient` of each image
        divide: draws the parts
        wanted: whether; "auto" leaves groups that are given as they are

    Raises:
        DataError: A class has too few patients.
    """
    if not any(patients) or wanted is False:
        return split
    if wanted == "auto" and any(entry.group for entry in split.catalog.entries):
        note = "the patients that DICOM files name were not used, since groups are given"
        return replace(split, notes=(*split.notes, f"{note}: group_patients=True joins both"))
    known, problem = usable_patients(patients)
    if problem:
        return replace(split, notes=(*split.notes, problem))
    rows_of = rows_by_name(known)
    several = [rows for rows in rows_of.values() if len(rows) > 1]
    hint = (
        "Images of one patient, whom DICOM files name, count as one; group_patients=False lets "
        "them be divided."
    )
    split, unaware, aware = keep_together(split, several, divide, hint=hint)
    note = (
        f"patients: DICOM files name {len(rows_of):,} for {sum(map(len, rows_of.values())):,} "
        f"images, {len(several):,} of them for several; {leaks_in_words(unaware, aware)}"
    )
    return replace(split, notes=(*split.notes, note))
