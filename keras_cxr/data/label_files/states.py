"""What a label file says of a finding on a film, as one small number, and how cells say it."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

States = NDArray[np.int8]

POSITIVE, NEGATIVE = 1, 0
UNCERTAIN = -1
"""The report hedges; CheXpert's labeller writes -1."""
MISSING = -2
"""Nothing is said: a blank cell."""
TORN = -3
"""Rows of one film contradict each other."""
UNREAD = -4
"""Something is said that is no label, such as 0.5."""

NO_FINDING = frozenset({"no finding", "no findings", "none", "normal"})
"""Names, in small letters, which say that a film shows none of the findings."""

_WORDS = {
    **dict.fromkeys(("1", "true", "yes", "positive"), POSITIVE),
    **dict.fromkeys(("0", "false", "no", "negative"), NEGATIVE),
    **dict.fromkeys(("-1", "uncertain"), UNCERTAIN),
    **dict.fromkeys(("", "nan", "na", "n/a", "null", "<na>"), MISSING),
}


def state_of(cell: str) -> int:
    """Return what a cell says: 1, 0, -1 and blank in any usual spelling, "1.0" and "1,0" too."""
    word = cell.strip().casefold()
    if word in _WORDS:
        return _WORDS[word]
    try:
        number = float(word.replace(",", "."))
    except ValueError:
        return UNREAD
    return int(number) if number in (POSITIVE, NEGATIVE, UNCERTAIN) else UNREAD


def holds_labels(cells: Sequence[str]) -> bool:
    """Return whether most of the filled cells of a column are labels, and any is 1 or 0."""
    filled = [state_of(cell) for cell in cells if cell]
    odd = filled.count(UNREAD)
    return bool(filled) and 2 * odd < len(filled) and any(state >= NEGATIVE for state in filled)


def states_of_cells(columns: Mapping[str, Sequence[str]]) -> tuple[States, list[str]]:
    """Return (rows, findings) states of a column of cells for each finding, and notes.

    Args:
        columns: the cells of each finding, as text; one at least.
    """
    known: dict[str, int] = {}
    states, odd = [], {}
    for finding, cells in columns.items():
        for cell in set(cells) - known.keys():
            known[cell] = state_of(cell)
        column = np.array([known[cell] for cell in cells], np.int8)
        unread = np.flatnonzero(column == UNREAD)
        if len(unread):
            odd[finding] = f"{len(unread):,}, such as {cells[unread[0]]!r} in row {unread[0] + 1:,}"
        states.append(column)
    told = "; ".join(f"{finding} {text}" for finding, text in odd.items())
    notes = [f"cells that are none of 1, 0, -1 and blank, read as unknown: {told}"] if odd else []
    return np.stack(states, axis=1), notes


def states_of_lists(lists: Sequence[Iterable[str] | None], findings: Sequence[str]) -> States:
    """Return (rows, findings) states of rows that list what they show.

    Args:
        lists: the names of each row; None where nothing is said. Other names than `findings`
            are not looked at.
        findings: the names that count.
    """
    place_of = {finding: place for place, finding in enumerate(findings)}
    states = np.full((len(lists), len(findings)), NEGATIVE, np.int8)
    for row, names in enumerate(lists):
        if names is None:
            states[row] = MISSING
        else:
            states[row, [place_of[name] for name in names if name in place_of]] = POSITIVE
    return states


def counted(what: str, findings: Sequence[str], where: NDArray[np.bool_]) -> list[str]:
    """Return a note with the number of films of each finding that has any; none where none has.

    Args:
        what: is counted.
        findings: by column.
        where: (films, findings) whether it is so.
    """
    numbers = zip(findings, where.sum(axis=0).tolist(), strict=True)
    told = ", ".join(f"{finding} {number:,}" for finding, number in numbers if number)
    return [f"{what}: {told}"] if told else []
