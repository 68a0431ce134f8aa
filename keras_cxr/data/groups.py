"""Images that belong together, as rows and names: joined, named, and counted across a split."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any


def connected(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the rows that pairs join, directly or through others: sorted lists of two or more."""
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        parent.setdefault(row, row)
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    groups: dict[int, list[int]] = {}
    for row in sorted(parent):
        groups.setdefault(root(row), []).append(row)
    return [members for members in groups.values() if len(members) > 1]


def merged(groups: Iterable[Sequence[int]]) -> list[list[int]]:
    """Return groups that share no row, each made of those that did."""
    return connected((members[0], row) for members in groups for row in members[1:])


def rows_by_name(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the rows of each name, in the order of their first rows; "" is no name."""
    rows_of = defaultdict(list)
    for row, name in enumerate(names):
        if name:
            rows_of[name].append(row)
    return dict(rows_of)


def names_of_units(files: Iterable[str], groups: Iterable[str]) -> list[str]:
    """Return what may not be divided: the group of each file, or the file itself without one."""
    # a line break keeps a file's name apart from a group of the same name
    return [group or f"\n{file}" for file, group in zip(files, groups, strict=True)]


def named_groups(
    files: Sequence[str], names: Sequence[str], together: Iterable[Sequence[int]]
) -> Iterator[tuple[str, list[int]]]:
    """Yield name and rows of every group of two or more that belong together by any reason.

    Rows of one name and those of `together` are joined wherever they share a row. A group has the
    first of its rows' names, or its first file's.

    Args:
        files: the file of each row
        names: the group that each row has already, such as its patient; "" for none
        together: further rows that belong together
    """
    for members in merged([*rows_by_name(names).values(), *together]):
        yield next((names[row] for row in members if names[row]), files[members[0]]), members


def within(groups: Iterable[Sequence[int]], rows: Sequence[int]) -> list[list[int]]:
    """Return groups of rows as groups of places in `rows`, without those that keep only one."""
    place_of = {row: place for place, row in enumerate(rows)}
    found = ([place_of[row] for row in members if row in place_of] for members in groups)
    return [members for members in found if len(members) > 1]


def count_leaks(groups: Iterable[Sequence[int]], parts: Sequence[Any]) -> int:
    """Return how many rows outside the training part have one of their group in it."""
    split = [[parts[row] for row in members] for members in groups]
    return sum(len(held) - held.count("train") for held in split if "train" in held)
