"""Groups of copies: which photographs a data set holds several times, and under which classes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from keras_cxr.audit.of_data.base.opened_data import AGAINST, OpenedData
from keras_cxr.data.duplicates.find import find_duplicates, group_pairs
from keras_cxr.data.duplicates.search import PAIR_KINDS
from keras_cxr.data.groups import named_groups


class CopyGroup(NamedTuple):
    """Files that show one photograph.

    Attributes:
        files: two or more, in the order of the data set; those of the other data set come
            last and begin with "against:".
        classes: the classes that they are filed under, sorted.
        similarity: the least of the confirmed pairs' similarities that join them, in [0.8, 1].
        kind: the weakest of these pairs' kinds: "exact", "near", "flipped" or
            "inverted".
        is_conflict: whether they are filed under several classes of the audited data.
    """

    files: tuple[str, ...]
    classes: tuple[str, ...]
    similarity: float
    kind: str
    is_conflict: bool

    @property
    def own(self) -> tuple[str, ...]:
        """The files of the audited data set."""
        return tuple(file for file in self.files if not file.startswith(AGAINST))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "files": list(self.files),
            "classes": list(self.classes),
            "similarity": self.similarity,
            "kind": self.kind,
        }


class Against(NamedTuple):
    """The other data set that copies were looked for in.

    Attributes:
        name: the folder's or table's own name.
        num_images: how many of its images were searched.
        num_copies: how many of them are copies of images of the audited data.
        num_conflicts: how many of those stand under another class there.
    """

    name: str
    num_images: int
    num_copies: int
    num_conflicts: int


class CopyGroups(NamedTuple):
    """All copies of an audited data set.

    Attributes:
        groups: what confirmed pairs join, the largest groups first.
        class_of: the class of every file by its name, those of the other data set last.
        against: the other data set, where there is one.
    """

    groups: tuple[CopyGroup, ...]
    class_of: dict[str, str]
    against: Against | None


def find_copies(opened: OpenedData, other: OpenedData | None = None, **options: Any) -> CopyGroups:
    """Return the copies within a data set and between it and another one.

    Args:
        opened: the audited data.
        other: another data set; copies within it are not looked for.
        **options: of `find_duplicates`, the same that the data were opened with.
    """
    class_of = {entry.file: entry.label for entry in opened.catalog.entries}
    class_names = opened.catalog.class_names
    pairs: list[Any] = []
    if opened.good:
        found = find_duplicates(opened.data, on_error="skip", **options)
        pairs += found.pairs.itertuples(index=False)
    if other is None:
        return CopyGroups(group_copies(pairs, class_of, class_names), class_of, None)
    name_of = {}
    for row, entry in enumerate(other.catalog.entries):
        name = other.name_against(row)
        name_of[Path(other.catalog.path(entry.file)).as_posix()] = name
        class_of[name] = entry.label
    crossing: list[Any] = []
    if opened.good and other.good:
        found = find_duplicates(opened.data, against=other.data, on_error="skip", **options)
        table = found.pairs.assign(file_b=found.pairs["file_b"].map(name_of))
        crossing += table.itertuples(index=False)
    contradicted = {
        pair.file_b
        for pair in crossing
        if pair.class_b in class_names and pair.class_b != pair.class_a
    }
    against = Against(
        other.name,
        len(other.good),
        len({pair.file_b for pair in crossing}),
        len(contradicted),
    )
    groups = group_copies([*pairs, *crossing], class_of, class_names)
    return CopyGroups(groups, class_of, against)


def group_copies(
    pairs: Sequence[Any], class_of: dict[str, str], class_names: Sequence[str]
) -> tuple[CopyGroup, ...]:
    """Return what pairs of copies join, the largest groups first.

    Args:
        pairs: with file_a, file_b, similarity and kind, as `find_duplicates` confirms them.
        class_of: the class of every file, in the order of the data set.
        class_names: the classes of the audited data. Another data set may call its classes
            otherwise, so a class that is not among these contradicts none.
    """
    files = list(class_of)
    number = {file: place for place, file in enumerate(files)}
    joined = group_pairs(
        [(number[pair.file_a], number[pair.file_b]) for pair in pairs],
        files,
        list(class_of.values()),
    )
    group_of = {file: group for group, one in enumerate(joined) for file in one.files}
    similarity, kind = [1.0] * len(joined), [0] * len(joined)
    for pair in pairs:
        group = group_of[pair.file_a]
        similarity[group] = min(similarity[group], float(pair.similarity))
        kind[group] = max(kind[group], PAIR_KINDS.index(pair.kind))
    return tuple(
        CopyGroup(*one, alike, PAIR_KINDS[weakest], len({*one.classes} & {*class_names}) > 1)
        for one, alike, weakest in zip(joined, similarity, kind, strict=True)
    )


def names_of_copies(files: Iterable[str], groups: Iterable[CopyGroup]) -> list[str]:
    """Return a name for every file that is the same for copies of one photograph, "" for none."""
    name_of = {file: group.own[0] for group in groups for file in group.own}
    return [name_of.get(file, "") for file in files]


def kept_together(
    files: Sequence[str], patients: Sequence[str], groups: Iterable[CopyGroup]
) -> list[str]:
    """Return the group of every file: copies and images of one patient; "" for a file alone.

    Groups that share a file are one. It has the first of its patients' names, else that of its
    first file.
    """
    number = {file: place for place, file in enumerate(files)}
    copied = [[number[file] for file in group.own] for group in groups]
    names = [""] * len(files)
    for name, places in named_groups(files, patients, copied):
        for place in places:
            names[place] = name
    return names
