"""The films that `lmap3_radiography_standin` learns from, as one table.

A folder in the layout of the COVID-19 Radiography Database with a `manifest.csv` (file, label,
patient), and beside it `nih_normal/manifest.csv`: normal films of the hospital that all films of
Lung_Opacity are from, so that the network cannot answer with the hospital.
"""

from pathlib import Path

import pandas as pd

from keras_cxr.audit import audit_data

DATABASE, NORMALS = "COVID-19_Radiography_Dataset", "nih_normal"
DOUBTED = "Lung_Opacity"
"""The class whose conflicts are dropped: its labels were mined from reports, Normal's were read."""


def standin_table(root: Path) -> tuple[pd.DataFrame, int]:
    """Return the films with columns file, label and group (patient), and how many were dropped.

    A photograph that stands under two classes, as `audit_data` finds it, is no longer of DOUBTED.
    """
    tables = []
    for manifest, folder in (("manifest.csv", DATABASE), (f"{NORMALS}/manifest.csv", NORMALS)):
        table = pd.read_csv(root / manifest, dtype=str).fillna("")
        tables.append(table.assign(file=f"{folder}/" + table["file"]))
    films = pd.concat(tables, ignore_index=True).rename(columns={"patient": "group"})
    films = films[["file", "label", "group"]]
    actions = audit_data(films, root=root).actions
    conflicts = set(actions["file"][actions["action"] == "relabel?"])
    dropped = films["file"].isin(conflicts) & (films["label"] == DOUBTED)
    return films[~dropped].reset_index(drop=True), int(dropped.sum())
