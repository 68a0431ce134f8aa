"""Copies in a data set: looked for, kept in one part, and what a split leaks without that."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from keras_cxr.data.caching.store import Pixels
from keras_cxr.data.duplicates.search import search_once
from keras_cxr.data.duplicates.windows import SIDE
from keras_cxr.data.groups import connected, merged, within
from keras_cxr.data.splitting.parts import Divide, Split, keep_together, leaks_in_words


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


class Together(NamedTuple):
    """Groups of rows that are copies of one another, or None where that is not known.

    `found_by` is `Copies`'s; `notes` say why copies were not looked for.
    """

    groups: list[list[int]] | None
    found_by: str = "search"
    notes: tuple[str, ...] = ()


def look_for_copies(
    pixels: Pixels,
    *,
    wanted: bool | str,
    image_size: tuple[int, int],
    num_parts: int,
    known: Sequence[Sequence[int]] | None,
    verbose: bool | str,
) -> Together:
    """Return which rows are copies of one another, as far as this is to be known.

    All readable images are searched, also those that another option leaves out: so data sets
    that differ by region alone share one search and one split.

    Args:
        pixels: the images
        wanted: whether to look; "auto" does not where it would be of no use (one part), cannot
            work (small images) or would be repeated in every call (arrays)
        image_size: (height, width) of the pixels
        num_parts: how many parts there are
        known: groups that an audit found, which makes "auto" look no further; None without one
        verbose: whether progress is shown
    """
    if known is not None and wanted is not True:
        return Together(merged(known), "audit")
    if wanted is False or (wanted == "auto" and num_parts == 1):
        return Together(None)
    if wanted == "auto" and pixels.in_memory:
        note = "copies were not looked for in arrays: group_duplicates=True does so"
        return Together(None, notes=(note,))
    if wanted == "auto" and min(image_size) < SIDE:
        height, width = image_size
        note = (
            f"copies were not looked for: at {height} x {width} they cannot be told from "
            f"other films, at {SIDE} x {SIDE} they can"
        )
        return Together(None, notes=(note,))
    good = [row for row, record in enumerate(pixels.records) if not record.error]
    links = search_once(
        lambda place: pixels.store.image(good[place]),
        [pixels.records[row].checksum for row in good],
        folder=pixels.folder,
        verbose=verbose,
    )
    groups = connected((link.one, link.other) for link in links)
    found = [[good[place] for place in members] for members in groups]
    return Together(merged([*found, *(known or ())]), "search" if known is None else "both")


def keep_copies_together(
    split: Split, together: Together, rows: Sequence[int], divide: Divide
) -> tuple[Split, Copies | None]:
    """Return a split that divides no copies, and what that changed; None where none were sought.

    Args:
        split: one that does not know of copies
        together: the groups of copies, by rows of the store
        rows: the store's row of each image of the split
        divide: draws the parts

    Raises:
        DataError: A class has too few groups.
    """
    if together.groups is None:
        return split, None
    groups = within(together.groups, rows)
    hint = (
        "Copies of one photograph count as one; group_duplicates=False lets them be divided, and "
        "the test part then holds what was trained on."
    )
    split, unaware, aware = keep_together(split, groups, divide, hint=hint)
    copies = Copies(
        num_groups=len(groups),
        num_images=sum(map(len, groups)),
        leaks_unaware=unaware,
        leaks=aware,
        found_by=together.found_by,
    )
    return split, copies
