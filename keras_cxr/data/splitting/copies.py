"""Copies in a data set: looked for, kept in one part, and what a split leaks without that."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from keras_cxr.data.caching.store import Pixels
from keras_cxr.data.duplicates.search import search_once
from keras_cxr.data.duplicates.windows import SIDE
from keras_cxr.data.groups import connected, merged, within
from keras_cxr.data.splitting.parts import Copies, Divide, Split, keep_together


class Together(NamedTuple):
    """Groups of rows that are copies of one another, or None where that is not known.

    `found_by` is `Copies`'s; `notes` say why copies were not looked for.
    """

    groups: list[list[int]] | None
    found_by: str = "search"
    notes: tuple[str, ...] = ()


def search_copies(
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
) -> Split:
    """Return a split that divides no copies and tells what that changed.

    Args:
        split: one that does not know of copies
        together: the groups of copies, by rows of the store
        rows: the store's row of each image of the split
        divide: draws the parts

    Raises:
        DataError: A class has too few groups.
    """
    if together.groups is None:
        return replace(split, notes=(*split.notes, *together.notes))
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
    return replace(split, notes=(*split.notes, *together.notes, str(copies)), copies=copies)
