"""PadChest: a list of labels as Python writes it, "['pleural effusion', 'pacemaker']"."""

import ast

from keras_cxr.data.label_files.lists import listed
from keras_cxr.data.label_files.rows import LabelSource, Rows, patient_names
from keras_cxr.data.label_files.states import UNREAD

COLUMNS = ("ImageID", "Labels", "Projection")
# labels that say something of the report, not of the film
_SAYS_NOTHING = frozenset({"exclude", "unchanged"})
_USED = (*COLUMNS, "ImageDir", "PatientID")


def parse_padchest(source: LabelSource) -> Rows:
    """Return the rows of PadChest's table, with its labels as they stand, in small letters.

    "normal" is none of them; "exclude" and "unchanged" say nothing of a film: alone, as a blank
    cell, they leave all its findings missing, beside others they do not count. torchxrayvision
    drops films with a blank cell and children, and gathers labels under 28 names by the words that
    they contain, so that "pneumonia" takes in "atypical pneumonia"; here nothing is gathered, and
    `min_positive` keeps what is frequent.
    """
    lists, unread, ignored = [], [], 0
    for row, cell in enumerate(source.cells("Labels")):
        names = _names(cell)
        if names is None:
            unread.append(row)
        said = [name for name in names or () if name not in _SAYS_NOTHING]
        ignored += len(said) < len(names or ())
        lists.append(said or None)
    findings, states, notes = listed(lists)
    states[unread] = UNREAD
    if unread:
        cell = source.cells("Labels")[unread[0]]
        notes.append(
            f"{len(unread):,} row(s) whose labels are no list, all unknown, such as {cell[:60]!r}"
        )
    if ignored:
        told = " and ".join(map(repr, sorted(_SAYS_NOTHING)))
        notes.append(f"{told} say nothing of a film and do not count: {ignored:,} row(s)")
    groups, more = patient_names(source.optional("PatientID") or [])
    folders = source.optional("ImageDir") or [""] * len(lists)
    files = [
        f"{folder.removesuffix('.0')}/{film}" if folder and film else film
        for folder, film in zip(folders, source.cells("ImageID"), strict=True)
    ]
    return Rows(
        files,
        findings,
        states,
        groups=groups,
        views=source.cells("Projection"),
        notes=[*notes, *more, *source.unused(*_USED)],
    )


def _names(cell: str) -> list[str] | None:
    """Return the labels of a cell, none for a blank one; None where it is no list of texts."""
    if cell in ("", "nan"):
        return []
    try:
        found = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        return None
    return [name for one in found if (name := " ".join(one.split()).lower())]
