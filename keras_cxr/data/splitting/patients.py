"""Films of one patient, as DICOM files name them, stay in one part of a split.

What is used of PatientID is whether two films have the same one. Neither the number nor anything
made of it is kept: groups are called by their first file, and the cache holds "1", "2", ...
"""

from collections.abc import Mapping, Sequence

from keras_cxr.data.catalog import Catalog
from keras_cxr.data.groups import count_leaks, rows_by_name
from keras_cxr.data.options import Options
from keras_cxr.data.splitting.groups import join_groups
from keras_cxr.data.splitting.parts import with_parts
from keras_cxr.errors import DataError


def usable_patients(patients: Sequence[str]) -> tuple[list[str], str]:
    """Returns whose films these are, "" where not known, and a note if that cannot be believed.

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


def keep_patients(
    catalog: Catalog,
    patients: Sequence[str],
    parts: Sequence[str],
    *,
    options: Options,
    sources: Mapping[str, str] | None,
) -> tuple[Catalog, list[str], list[str]]:
    """Returns the catalog with patients as groups, its parts, and notes on what that changed.

    Args:
        catalog: The images.
        patients: `Record.patient` of each.
        parts: Of a split that does not know of patients.
        options: `group_patients` says whether: "auto" leaves groups that are given as they are.
        sources: Of each file, where whole sources are split.

    Raises:
        DataError: A class has too few patients.
    """
    if not any(patients) or options.group_patients is False:
        return catalog, list(parts), []
    if options.group_patients == "auto" and any(entry.group for entry in catalog.entries):
        note = "the patients that DICOM files name were not used, since groups are given"
        return catalog, list(parts), [f"{note}: group_patients=True joins both"]
    known, problem = usable_patients(patients)
    if problem:
        return catalog, list(parts), [problem]
    rows_of = rows_by_name(known)
    several = [rows for rows in rows_of.values() if len(rows) > 1]
    joined = join_groups(catalog, several)
    try:
        aware = with_parts(joined, options.shares, options.seed, sources=sources)
    except DataError as error:
        raise DataError(
            f"{error} Images of one patient, whom DICOM files name, count as one; "
            "group_patients=False lets them be divided."
        ) from error
    before, after = count_leaks(several, parts), count_leaks(several, aware)
    rest = "; given parts and whole sources stay as they are" if after else ""
    held = sum(map(len, rows_of.values()))
    note = (
        f"patients: DICOM files name {len(rows_of):,} for {held:,} images, {len(several):,} of "
        f"them for several; a split that does not know them leaks {before:,} validation and test "
        f"images into the training part, this one {after:,}{rest}"
    )
    return joined, aware, [note]
