"""Which images belong together, and what a split would leak that does not know it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from keras_cxr.data.caching.reading import Record
from keras_cxr.data.caching.store import Store
from keras_cxr.data.catalog import Catalog
from keras_cxr.data.duplicates.search import search_once
from keras_cxr.data.duplicates.views import SIDE
from keras_cxr.data.groups import connected, count_leaks, merged, named_groups
from keras_cxr.data.options import Options
from keras_cxr.data.splitting.parts import with_parts
from keras_cxr.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Copies:
    """What copies do to a split; `Datasets.copies`.

    What it does not show: images of one patient that are no copies leak as well (`groups=`).

    Attributes:
        num_groups: How many groups of copies the data set holds.
        num_images: How many images are in them.
        leaks_unaware: How many validation and test images have a copy in the training part when
            the same seed splits the same images without knowing of copies.
        leaks: How many have one there in this split; more than 0 only where parts were given or
            whole sources were split.
        found_by: "search"; "audit", whose groups may hold patients besides; or "both".
    """

    num_groups: int
    num_images: int
    leaks_unaware: int
    leaks: int
    found_by: str = "search"

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes by name."""
        return asdict(self)

    def __str__(self) -> str:
        what = "copies" if self.found_by == "search" else "groups of the audit"
        if self.found_by == "both":
            what = "copies and groups of the audit"
        if not self.num_groups:
            return f"{what}: none found"
        rest = "; given parts and whole sources stay as they are" if self.leaks else ""
        return (
            f"{what}: {self.num_groups:,} groups of {self.num_images:,} images; a split that does "
            f"not know them leaks {self.leaks_unaware:,} validation and test images into the "
            f"training part, this one {self.leaks:,}{rest}"
        )


class Together(NamedTuple):
    """Groups of rows that are copies of one another, or None where that is not known.

    `found_by` is `Copies`'s; `notes` say why copies were not looked for.
    """

    groups: list[list[int]] | None
    found_by: str = "search"
    notes: tuple[str, ...] = ()


def look_for_copies(
    store: Store,
    records: Sequence[Record],
    *,
    options: Options,
    num_parts: int,
    known: Sequence[Sequence[int]] | None,
    in_memory: bool,
    folder: Path | None,
) -> Together:
    """Returns which rows are copies of one another, as far as this is to be known.

    All readable images are searched, also those that another option leaves out: so data sets
    that differ by region alone share one search and one split.

    Args:
        store: The pixels.
        records: One for each row of the store.
        options: `group_duplicates` says whether to look: "auto" does not where it would be of no
            use (one part), cannot work (small images) or would be repeated in every call (arrays).
        num_parts: How many parts there are.
        known: Groups that an audit found, which makes "auto" look no further; None without one.
        in_memory: Whether the images are arrays.
        folder: The cache folder that remembers the result; None for no cache.
    """
    if known is not None and options.group_duplicates is not True:
        return Together(merged(known), "audit")
    if options.group_duplicates is False:
        return Together(None)
    if options.group_duplicates == "auto":
        height, width = options.image_size
        if num_parts == 1:
            return Together(None)
        if in_memory:
            note = "copies were not looked for in arrays: group_duplicates=True does so"
            return Together(None, notes=(note,))
        if min(height, width) < SIDE:
            note = (
                f"copies were not looked for: at {height} x {width} they cannot be told from "
                f"other films, at {SIDE} x {SIDE} they can"
            )
            return Together(None, notes=(note,))
    good = [row for row, record in enumerate(records) if not record.error]
    links = search_once(
        lambda place: store.image(good[place]),
        [records[row].checksum for row in good],
        folder=folder,
        verbose=options.verbose,
    )
    groups = connected((link.one, link.other) for link in links)
    found = [[good[place] for place in members] for members in groups]
    return Together(merged([*found, *(known or ())]), "search" if known is None else "both")


def keep_together(
    catalog: Catalog,
    groups: Sequence[Sequence[int]],
    parts: Sequence[str],
    *,
    options: Options,
    sources: Mapping[str, str] | None,
    found_by: str,
) -> tuple[Catalog, list[str], Copies]:
    """Returns the catalog with groups of copies joined, its parts, and what that changed.

    Args:
        catalog: The images.
        groups: Rows of the catalog that are copies of one another.
        parts: Of a split that does not know of copies.
        options: Shares and seed.
        sources: Of each file, where whole sources are split; copies then stay where these are.
        found_by: See `Copies`.

    Raises:
        DataError: A class has too few groups.
    """
    joined = join_groups(catalog, groups)
    try:
        known = with_parts(joined, options.shares, options.seed, sources=sources)
    except DataError as error:
        raise DataError(
            f"{error} Copies of one photograph count as one; group_duplicates=False lets them be "
            "divided, and the test part then holds what was trained on."
        ) from error
    copies = Copies(
        num_groups=len(groups),
        num_images=sum(map(len, groups)),
        leaks_unaware=count_leaks(groups, parts),
        leaks=count_leaks(groups, known),
        found_by=found_by,
    )
    return joined, known, copies


def join_groups(catalog: Catalog, together: Iterable[Sequence[int]]) -> Catalog:
    """Returns the catalog with one group for all images that belong together by any reason.

    Groups that the entries have already and those of `together` are joined wherever they share
    an image. A group has the first of its groups' names, or its first file's.

    Args:
        catalog: The images.
        together: Rows of the catalog that belong together.
    """
    entries = list(catalog.entries)
    files, names = [entry.file for entry in entries], [entry.group for entry in entries]
    for name, members in named_groups(files, names, together):
        for row in members:
            entries[row] = entries[row]._replace(group=name)
    return replace(catalog, entries=tuple(entries), names=catalog.class_names)
