"""The part of every image, given or drawn, and parts drawn anew to keep groups whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from keras_cxr.data.catalog import PARTS, Catalog
from keras_cxr.data.groups import count_leaks, named_groups
from keras_cxr.data.splitting.assign import assign_parts
from keras_cxr.data.splitting.sources import split_sources
from keras_cxr.errors import DataError

Divide = Callable[[Catalog], list[str]]
"""`with_parts` with shares, seed and sources: the part of every image of a catalog."""


@dataclass(frozen=True, kw_only=True)
class Copies:
    """What copies do to a split; `Datasets.copies`.

    What it does not show: images of one patient that are no copies leak as well (`groups=`).

    Attributes:
        num_groups: how many groups of copies the data set holds.
        num_images: how many images are in them.
        leaks_unaware: how many validation and test images have a copy in the training part when
            the same seed splits the same images without knowing of copies.
        leaks: how many have one there in this split; more than 0 only where parts were given or
            whole sources were split.
        found_by: "search"; "audit", whose groups may hold patients besides; or "both".
    """

    num_groups: int
    num_images: int
    leaks_unaware: int
    leaks: int
    found_by: str = "search"

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes by name."""
        return asdict(self)

    def __str__(self) -> str:
        what = "copies" if self.found_by == "search" else "groups of the audit"
        if self.found_by == "both":
            what = "copies and groups of the audit"
        if not self.num_groups:
            return f"{what}: none found"
        return (
            f"{what}: {self.num_groups:,} groups of {self.num_images:,} images; "
            f"{leaks_in_words(self.leaks_unaware, self.leaks)}"
        )


@dataclass(frozen=True)
class Split:
    """Images and the part of each.

    Attributes:
        catalog: the images, with the groups that are kept whole
        parts: the part of each image
        notes: what is worth knowing of the images and their parts
        copies: what copies do to the split; None where they were not looked for
    """

    catalog: Catalog
    parts: list[str]
    notes: tuple[str, ...] = ()
    copies: Copies | None = None


def with_parts(
    catalog: Catalog,
    shares: Sequence[float],
    seed: int,
    *,
    sources: Mapping[str, str] | None = None,
) -> list[str]:
    """Return the part of every entry: the one it was given, else drawn by `assign_parts`.

    Where folders or a table give parts but one with a share is missing, it is taken out of the
    training images, by its share of what it has together with the training part. With `sources`,
    the source of each file, `split_sources` draws all parts.

    Raises:
        DataError: A class has too few images, or none to train on.
    """
    entries = catalog.entries
    if sources is not None:
        return split_sources(
            [entry.label for entry in entries],
            [sources[entry.file] for entry in entries],
            shares=shares,
            seed=seed,
        )
    given = [entry.part for entry in entries]
    present = set(given) - {""}
    drawn = list(range(len(entries)))
    if present:
        wanted = {part: share for part, share in zip(PARTS, shares, strict=True) if share > 0.0}
        missing = {part: wanted[part] for part in wanted if part not in present}
        drawn = [row for row, part in enumerate(given) if part == "train"] if missing else []
        total = shares[0] + sum(missing.values())
        shares = [
            share / total if part in missing or part == "train" else 0.0
            for part, share in zip(PARTS, shares, strict=True)
        ]
    if drawn:
        groups = [entries[row].group for row in drawn]
        names = assign_parts(
            [entries[row].file for row in drawn],
            [entries[row].label for row in drawn],
            groups=groups if any(groups) else None,
            shares=shares,
            seed=seed,
        )
        for row, name in zip(drawn, names, strict=True):
            given[row] = name
    trained = {entry.label for entry, part in zip(entries, given, strict=True) if part == "train"}
    untrained = sorted({entry.label for entry in entries} - trained)
    if untrained:
        raise DataError(
            f"No training image shows class {', '.join(map(repr, untrained))}, which other parts "
            "hold. Add training images of it or leave the class out."
        )
    return given


def keep_together(
    split: Split, groups: Sequence[Sequence[int]], divide: Divide, *, hint: str
) -> tuple[Split, int, int]:
    """Return a split that divides none of these groups, and what leaks without and with it.

    Groups that the entries have already are joined with these wherever they share an image.

    Args:
        split: one that does not know of the groups
        groups: rows of its catalog that belong together
        divide: draws the parts
        hint: what the error adds where a class has too few groups

    Returns:
        The split, and how many validation and test images have one of their group in the training
        part of `split` and of the new one, where given parts and whole sources stay as they are.

    Raises:
        DataError: A class has too few groups.
    """
    entries = list(split.catalog.entries)
    files, names = [entry.file for entry in entries], [entry.group for entry in entries]
    for name, rows in named_groups(files, names, groups):
        for row in rows:
            entries[row] = entries[row]._replace(group=name)
    joined = replace(split.catalog, entries=tuple(entries), names=split.catalog.class_names)
    try:
        parts = divide(joined)
    except DataError as error:
        raise DataError(f"{error} {hint}") from error
    aware = replace(split, catalog=joined, parts=parts)
    return aware, count_leaks(groups, split.parts), count_leaks(groups, parts)


def leaks_in_words(unaware: int, aware: int) -> str:
    """Return what a split without and with knowledge of groups leaks, for a note."""
    rest = "; given parts and whole sources stay as they are" if aware else ""
    return (
        f"a split that does not know them leaks {unaware:,} validation and test images into the "
        f"training part, this one {aware:,}{rest}"
    )
