"""Splits by source: whole hospitals or collections go to one part each."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_cxr.data.catalog import PARTS, Catalog, listing
from keras_cxr.data.draws import draw, image_keys
from keras_cxr.data.tables.columns import cell_texts, find_column, meaning, said
from keras_cxr.data.tables.csv_files import table_of
from keras_cxr.data.tables.joining import join_table
from keras_cxr.errors import DataError, InvalidArgumentError

_STREAM = 4  # of draws; see `draws`
_TRIALS = 1000  # meets each way to deal 5 sources to 3 parts; with more, chance comes near enough
_AS_NEAR = 0.05  # of a class: no share is meant so exactly that seeds should not differ for it


def read_sources(data: Any, groups: Any, catalog: Catalog, *, column: str) -> dict[str, str]:
    """Return the source of every file of a catalog.

    Args:
        data: what `make_datasets` was given; a table may hold the column.
        groups: a table that may hold the column; looked at first.
        catalog: the images.
        column: what names the sources.

    Raises:
        InvalidArgumentError: No table has such a column.
        DataError: Images have no source, or the data gives parts of its own.
    """
    tables = [table for table in (table_of(groups), table_of(data)) if table is not None]
    fitting = [
        (one, chosen)
        for one in tables
        if any(meaning(name) == "file" for name in one.columns)
        and (chosen := find_column(one, column)) is not None
    ]
    if not fitting:
        held = [said(one) for one in tables]
        raise InvalidArgumentError(
            f"split_by={column!r} names a column of the data table, or of a table groups= with "
            f"the column file; there is {' and '.join(held) or 'no table'}"
        )
    if any(entry.part for entry in catalog.entries):
        raise DataError(
            f"split_by={column!r} draws the parts, but the data gives parts already "
            f"({catalog.layout}). Pass one without parts, or leave split_by out."
        )
    table, chosen = fitting[0]
    files = [entry.file for entry in catalog.entries]
    joined = join_table(table, files, name="the table of sources", root=catalog.root)
    of_each = joined.of_each(cell_texts(table[chosen]), f"The column {column}")
    sources = {file: source or "" for file, source in zip(files, of_each, strict=True)}
    lacking = [file for file, source in sources.items() if not source]
    if lacking:
        raise DataError(
            f"{len(lacking):,} of {len(sources):,} images have no {column}, by which the split "
            f"is to be made:\n{listing(lacking)}"
        )
    return sources


def split_sources(
    labels: Sequence[str], sources: Sequence[str], *, shares: Sequence[float], seed: int
) -> list[str]:
    """Return the part of every image, such that no source is in two parts.

    Ways to deal out the sources are drawn from SHA-256 of their names and the seed. Those that
    leave a part without a class do not count. The first is taken of those that come nearest to
    the shares, by the class and part that is furthest off, or within 0.05 of the nearest. With
    few sources the parts are as large as their sources make them.

    Args:
        labels: the class of each image.
        sources: the source of each image.
        shares: of train, val and test.
        seed: another seed holds other sources out, where others do as well.

    Raises:
        DataError: A class has fewer sources than there are parts, or no way was found.
    """
    names, classes = sorted(set(sources)), sorted(set(labels))
    counts = np.zeros((len(names), len(classes)), np.int64)
    for (source, label), count in Counter(zip(sources, labels, strict=True)).items():
        counts[names.index(source), classes.index(label)] = count
    used = np.flatnonzero(np.array(shares) > 0.0)
    _check_enough(counts, names, classes, num_parts=len(used))
    part_of = _deal(counts, names, shares=np.array(shares)[used], seed=seed)
    if part_of is None:
        raise DataError(
            f"No way was found to deal {len(names)} whole sources to {len(used)} parts such that "
            f"each part holds every class:\n{listing(_lines(counts, names, classes))}\n"
            "Pass a split with fewer parts, such as split=(0.8, 0, 0.2), or leave a class out."
        )
    by_source = {name: PARTS[used[part]] for name, part in zip(names, part_of, strict=True)}
    return [by_source[source] for source in sources]


def describe_sources(sources: Sequence[str], parts: Sequence[str], *, column: str) -> str:
    """Return a note that names the sources of each part."""
    held = []
    for part in PARTS:
        of_part = Counter(s for s, one in zip(sources, parts, strict=True) if one == part)
        if of_part:
            shown = [f"{name} ({count:,})" for name, count in of_part.most_common(10)]
            rest = f" and {len(of_part) - 10:,} more" if len(of_part) > 10 else ""
            held.append(f"{part} holds {', '.join(shown)}{rest}")
    return f"split by {column}: {'; '.join(held)}"


def _deal(
    counts: NDArray[np.int64], names: Sequence[str], *, shares: NDArray[np.float64], seed: int
) -> NDArray[np.int64] | None:
    """Return the number of the part of each source, (s,) int64; None where no way is found."""
    trials = np.arange(_TRIALS, dtype=np.uint64)[:, np.newaxis]
    drawn = draw((image_keys(names) ^ trials).ravel(), seed, 0, _STREAM).reshape(_TRIALS, -1)
    # few sources hardly ever reach a part of a small share: every second draw is even
    even = np.full(len(shares), 1.0 / len(shares))
    part_of = np.empty(drawn.shape, np.int64)
    for first, wanted in enumerate((even, shares)):
        edges = np.cumsum(wanted)[:-1]
        part_of[first::2] = np.searchsorted(edges, drawn[first::2], side="right")
    dealt = part_of[:, np.newaxis] == np.arange(len(shares))[:, np.newaxis]  # (trials, parts, s)
    held = dealt.astype(np.int64) @ counts
    distance = np.abs(held / counts.sum(0) - shares[:, np.newaxis]).max(axis=(1, 2))
    distance[~(held > 0).all(axis=(1, 2))] = np.inf
    nearest = distance.min()
    return part_of[np.argmax(distance <= nearest + _AS_NEAR)] if np.isfinite(nearest) else None


def _check_enough(
    counts: NDArray[np.int64], names: Sequence[str], classes: Sequence[str], *, num_parts: int
) -> None:
    for index, label in enumerate(classes):
        held = [name for name, count in zip(names, counts[:, index], strict=True) if count]
        if len(held) < num_parts:
            raise DataError(
                f"Class {label!r} comes from {len(held)} source(s) ({', '.join(held)}), too few "
                f"for {num_parts} parts that share none: a part without it tells nothing of it. "
                "Add images of it from other sources, leave the class out, or pass a split with "
                "fewer parts, such as split=(0.8, 0, 0.2)."
            )


def _lines(counts: NDArray[np.int64], names: Sequence[str], classes: Sequence[str]) -> list[str]:
    return [
        f"{name}: " + ", ".join(f"{n:,} {label}" for n, label in zip(row, classes, strict=True))
        for name, row in zip(names, counts, strict=True)
    ]
