"""What to do about what an audit found, as a table that `make_datasets(audit=...)` takes."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from keras_cxr.audit.of_data.base.copies import CopyGroup, kept_together
from keras_cxr.audit.of_data.flags.find import Flag

ACTION_COLUMNS = ("file", "action", "group", "label", "reason")
DROPPED = ("blank", "corrupt")
"""Kinds of flags that leave nothing to learn from; the other kinds are for people to judge."""

READ_OTHERWISE = ("narrow",)
"""Kinds of flags that an option of `make_datasets` corrects: nothing is to be done to the file."""


def propose_actions(
    files: Sequence[str],
    *,
    class_of: dict[str, str],
    patients: Sequence[str],
    groups: Iterable[CopyGroup],
    flags: Iterable[Flag],
) -> pd.DataFrame:
    """Return a row for each thing to do, with columns file, action, group, label and reason.

    - `drop`: the file is corrupt or blank.
    - `drop?`: the file is flagged as another kind of picture, which a person should judge.
    - `group`: the file must stay in one part of a split with all files of the same `group`,
      being copies of one photograph or images of one patient. Groups that share a file are one.
    - `relabel?`: the photograph stands under the class `label` too, so one of the two is
      wrong. Both files are named, since pixels do not tell which.

    An action with a question mark is carried out once its reader removes that.

    Args:
        files: all files of the data set, as its catalog names them.
        class_of: the class of each, and of the other data set's files.
        patients: the patient of each, "" where unknown.
        groups: the copies.
        flags: what else is wrong with files.
    """
    groups = list(groups)
    rows: list[tuple[str, ...]] = []
    for flag in flags:
        if flag.kind in READ_OTHERWISE:
            continue
        action = "drop" if flag.kind in DROPPED else "drop?"
        rows.append((flag.file, action, "", "", f"{flag.kind}: {flag.detail}"))
    rows += _group_rows(files, patients, groups)
    known = {class_of[file] for file in files}
    for group in groups:
        if group.is_conflict:
            rows += _conflict_rows(group, class_of, known)
    return pd.DataFrame(rows, columns=list(ACTION_COLUMNS), dtype=str)


def _group_rows(
    files: Sequence[str], patients: Sequence[str], groups: Sequence[CopyGroup]
) -> list[tuple[str, ...]]:
    copied = {file for group in groups if len(group.own) > 1 for file in group.own}
    images_of = Counter(patients)
    rows: list[tuple[str, ...]] = []
    for file, patient, name in zip(
        files, patients, kept_together(files, patients, groups), strict=True
    ):
        reasons = ["copy of one photograph"] if file in copied else []
        reasons += ["image of one patient"] if patient and images_of[patient] > 1 else []
        if reasons:
            rows.append((file, "group", name, "", " and ".join(reasons)))
    return rows


def _conflict_rows(
    group: CopyGroup, class_of: dict[str, str], known: set[str]
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for file in group.own:
        others: dict[str, str] = {}
        for other in group.files:
            if class_of[other] in known - {class_of[file]}:
                others.setdefault(class_of[other], other)
        rows += [
            (file, "relabel?", "", label, f"{group.kind} copy of {other}, which is {label}")
            for label, other in others.items()
        ]
    return rows
