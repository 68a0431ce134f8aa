"""How many test images a split leaks: copies, patients or sources on both sides of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_cxr.audit.findings import Finding
from keras_cxr.audit.of_data.base.copies import names_of_copies
from keras_cxr.audit.of_data.base.subject import AuditedData
from keras_cxr.audit.outcomes import Outcome
from keras_cxr.data.catalog import Catalog
from keras_cxr.data.groups import count_leaks, rows_by_name
from keras_cxr.data.splitting.assign import assign_parts
from keras_cxr.errors import DataError

SHARES = (0.8, 0.1, 0.1)
"""Training, validation and test, as `make_datasets` divides by default."""
NUM_SPLITS = 20
"""Random splits that are drawn; their mean moves by less than a quarter of their spread."""


class Leak(NamedTuple):
    """Images outside the training part that share something with an image in it.

    Attributes:
        by: what they share: "copies" or the name of a column, such as "patient".
        split: "given" by folders or table, or "random": the mean of 20 splits that know of
            no groups.
        num_groups: how many groups of two or more images share it.
        num_known: how many images it is known of; for copies, all.
        num_held_out: images outside the training part of which it is known.
        num_leaked: how many of those share it with a training image.
        interval: what 95 % of the random splits leak; None for a given one.
    """

    by: str
    split: str
    num_groups: int
    num_known: int
    num_held_out: float
    num_leaked: float
    interval: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        interval = None if self.interval is None else list(self.interval)
        return self._asdict() | {"interval": interval}


def ask_leaks(subject: AuditedData) -> Outcome:
    """Return what given and random splits leak by copies, patients and sources."""
    shared = {
        "copies": names_of_copies(subject.files, subject.copies.groups),
        "patient": subject.metadata.patients,
        "source": subject.metadata.sources,
    }
    leaks, notes = measure_leaks(subject.opened.catalog, shared, subject.seed)
    # one source on both sides of a split is usual, so it is listed and not stated
    stated = (leak for leak in leaks if leak.by != "source" and leak.num_groups)
    return Outcome(leaks, tuple(_finding(leak) for leak in stated), tuple(notes))


def random_splits(catalog: Catalog, seed: int) -> tuple[list[list[str]], str]:
    """Return the part of every image in 20 random splits, or none and why.

    Classes are divided alone, images one by one; the first split is the one that
    `make_datasets` draws with this seed where it knows of no groups.
    """
    files = [entry.file for entry in catalog.entries]
    labels = [entry.label for entry in catalog.entries]
    try:
        return [
            assign_parts(files, labels, shares=SHARES, seed=seed + number)
            for number in range(NUM_SPLITS)
        ], ""
    except DataError as error:
        why = error if any(labels) else f"{len(files):,} image(s) are too few for three parts"
        return [], f"no random split was drawn to count leaks: {why}"


def measure_leaks(
    catalog: Catalog, shared: Mapping[str, Sequence[str]], seed: int
) -> tuple[tuple[Leak, ...], list[str]]:
    """Return what random and given splits leak, and notes on what could not be counted.

    Args:
        catalog: the images.
        shared: what images may share, such as "patient", with a name for every image; "" where
            it is not known. What no image is known to have is left out, except "copies".
        seed: of the first random split.
    """
    splits, no_split = random_splits(catalog, seed)
    given = [entry.part for entry in catalog.entries]
    leaks = [
        leak
        for by, names in shared.items()
        if by == "copies" or any(names)
        for leak in leaks_of_splits(by, names, splits, given)
    ]
    return tuple(leaks), [no_split] if no_split else []


def leaks_of_splits(
    by: str, names: Sequence[str], splits: Sequence[Sequence[str]], given: Sequence[str]
) -> list[Leak]:
    """Return what random splits leak and, where parts are given, what these leak.

    Args:
        by: what the names are, such as "patient".
        names: the group of every image; "" where it is not known.
        splits: parts of every image, one list for each random split.
        given: the given part of every image; all "" where none is given.
    """
    groups = rows_by_name(names)
    shared = [rows for rows in groups.values() if len(rows) > 1]
    known = [row for rows in groups.values() for row in rows]
    if by == "copies":  # a photograph that stands alone is known to
        known = list(range(len(names)))
    leaks = []
    for split, drawn in (("given", [given] if any(given) else []), ("random", splits)):
        if not drawn:
            continue
        leaked = [count_leaks(shared, parts) for parts in drawn]
        held_out = [sum(parts[row] != "train" for row in known) for parts in drawn]
        low, high = np.percentile(leaked, (2.5, 97.5))
        leaks.append(
            Leak(
                by,
                split,
                len(shared),
                len(known),
                float(np.mean(held_out)),
                float(np.mean(leaked)),
                (float(low), float(high)) if split == "random" else None,
            )
        )
    return leaks


def _finding(leak: Leak) -> Finding:
    shared = "a copy" if leak.by == "copies" else f"an image of the same {leak.by}"
    known = "" if leak.by == "copies" else f" whose {leak.by} is known"
    if leak.split == "given":
        sentence = (
            f"In the parts as given, {leak.num_leaked:,.0f} of {leak.num_held_out:,.0f} "
            f"validation and test images{known} have {shared} in the training part."
        )
        return Finding(f"{leak.by}_leak_given", sentence, leak.num_leaked)
    low, high = leak.interval or (leak.num_leaked, leak.num_leaked)
    sentence = (
        f"For {leak.num_leaked:,.0f} of {leak.num_held_out:,.0f} validation and test images"
        f"{known}, a random 80/10/10 split puts {shared} into the training part (mean of "
        f"{NUM_SPLITS} splits; 95 % of them {low:,.0f} to {high:,.0f})."
    )
    return Finding(f"{leak.by}_leak", sentence, leak.num_leaked, leak.interval)
