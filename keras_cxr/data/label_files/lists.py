"""Findings that a file lists by name: "Effusion|Mass", one name in each row, a list as text."""

from collections import Counter
from collections.abc import Collection, Sequence

from keras_cxr.data.label_files.states import NO_FINDING, States, states_of_lists

Lists = Sequence[Sequence[str] | None]


def read_lists(cells: Sequence[str], separator: str) -> Lists:
    """Return the names that each cell lists; None for a blank cell."""
    return [
        [name for part in cell.split(separator) if (name := part.strip())] or None for cell in cells
    ]


def listed(
    lists: Lists, *, known: Collection[str] = (), none: Collection[str] = NO_FINDING
) -> tuple[tuple[str, ...], States, list[str]]:
    """Return the findings in the order of their names, their states, and notes.

    Args:
        lists: the names of each row; None where nothing is said.
        known: findings that are there in any case; where there are any, others are noted.
        none: names, in small letters, which say that there are no findings.
    """
    count = Counter(name for names in lists for name in set(names or ()))
    absent = {name for name in count if name.casefold() in none}
    findings = tuple(sorted({*known, *count} - absent))
    notes = []
    strange = [name for name in findings if known and name not in known]
    if strange:
        told = ", ".join(f"{name!r} {count[name]:,}" for name in strange)
        notes.append(f"names that this kind of file does not know, taken as findings: {told}")
    both = sum(1 for names in lists if names and absent & {*names} and {*names} - absent)
    if both:
        notes.append(
            f"{both:,} row(s) say {_said(absent)} together with findings; the findings count"
        )
    return findings, states_of_lists(lists, findings), notes


def _said(names: Collection[str]) -> str:
    return " or ".join(repr(name) for name in sorted(names))
