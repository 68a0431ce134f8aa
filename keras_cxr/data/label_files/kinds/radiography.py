"""COVID-19 Radiography Database: its tables of file names, in which the name tells the class."""

import re

from keras_cxr.data.label_files.lists import listed
from keras_cxr.data.label_files.rows import LabelSource, Rows
from keras_cxr.errors import DataError

COLUMNS = ("FILE NAME", "FORMAT", "SIZE", "URL")
FINDINGS = ("COVID", "Lung_Opacity", "Viral Pneumonia")
_NAME = re.compile(r"(.+?)[-_ ]*\(?\d+\)?")
_KEYS = {re.sub(r"[\s_]+", "", name).lower(): name for name in (*FINDINGS, "Normal")}


def parse_radiography(source: LabelSource) -> Rows:
    """Return the rows of the database's tables: "COVID-12" is a film of the class COVID.

    The database has a workbook for each class, `COVID.metadata.xlsx` and so on: save them as CSV,
    or pass `pandas.concat([pandas.read_excel(file) for file in workbooks])`. The classes exclude
    each other, and Normal is none of the findings. The tables name no patients.

    Raises:
        DataError: A name is not that of a class with a number.
    """
    names = source.cells("FILE NAME")
    classes = []
    for row, name in enumerate(names):
        found = _NAME.fullmatch(name)
        key = re.sub(r"[\s_]+", "", found[1]).lower() if found else ""
        if key not in _KEYS:
            raise DataError(
                f"{source.name} names {name!r} in row {row + 1:,}; expected a class and a number, "
                f"such as COVID-12. The classes are {', '.join(_KEYS.values())}."
            )
        classes.append([_KEYS[key]])
    findings, states, notes = listed(classes, known=FINDINGS)
    files = [
        f"{name}.{suffix.lower()}" if suffix else name
        for name, suffix in zip(names, source.cells("FORMAT"), strict=True)
    ]
    return Rows(files, findings, states, notes=[*notes, *source.unused("FILE NAME", "FORMAT")])
