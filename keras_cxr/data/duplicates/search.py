"""From pictures to confirmed pairs: exact copies by checksum, near ones by two looks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.documents import Range, Text
from keras_cxr._support.disk.memo import computed_once
from keras_cxr._support.progress import progress_bar
from keras_cxr._support.resampling import fit
from keras_cxr._support.threads import in_threads
from keras_cxr.data.duplicates.candidates import find_candidates
from keras_cxr.data.duplicates.pairs import agreement, align, coarse_detail
from keras_cxr.data.duplicates.windows import FRAMINGS, SIDE, turned

SCHEMA_VERSION = 1
_METHOD = 4  # raised whenever the same pictures would give other pairs
PAIR_KINDS = ("exact", "near", "flipped", "inverted")
MIN_COSINE = 0.74
"""Of the descriptions from afar: 4 of 10,000 pairs of real films lie above it."""
_MIN_COSINE_OF_FEW = 0.6
_CHUNK = 16  # pictures or pairs that a thread takes at once
_FEW = 200
"""So few pictures say little of how chests look, and some copies lie below the other limit."""


class Link(NamedTuple):
    """A confirmed pair of rows.

    `similarity` and `displacement` are `Agreement`'s; 1 and 0 for exact copies.
    `kind` is one of `PAIR_KINDS`.
    """

    one: int
    other: int
    kind: str
    similarity: float = 1.0
    displacement: float = 0.0


def search_once(
    image: Callable[[int], NDArray[Any]],
    checksums: Sequence[int],
    *,
    first: int | None = None,
    folder: Path | None,
    verbose: bool | str = False,
) -> list[Link]:
    """Return what `search_pairs` returns, which runs only if these pictures were never searched.

    Results are told apart by the pictures' checksums in their order, so that a new, changed or
    missing picture means a new search.

    Args:
        image: see `search_pairs`
        checksums: see `search_pairs`
        first: see `search_pairs`
        folder: the cache folder of the images, where the result is kept; None keeps nothing
        verbose: see `search_pairs`

    Raises:
        OutputError: The result cannot be written.
    """
    row = Range(0, len(checksums) - 1, whole=True)
    links = computed_once(
        folder,
        "duplicates",
        [_METHOD, first, *map(int, checksums)],
        compute=lambda: search_pairs(image, checksums, first=first, verbose=verbose),
        form=[[row, row, Text("|".join(PAIR_KINDS), "a kind of pair"), float, float]],
        field="links",
        version=SCHEMA_VERSION,
    )
    return [Link(*link) for link in links]


def search_pairs(
    image: Callable[[int], NDArray[Any]],
    checksums: Sequence[int],
    *,
    first: int | None = None,
    verbose: bool | str = False,
) -> list[Link]:
    """Return the confirmed pairs among pictures, by row.

    Args:
        image: gives the picture of a row, (height, width) uint8 or float32 in [0, 255]; called
            from several threads.
        checksums: one for each row, equal where pixels are.
        first: None to search among all. Else pairs of one of the first `first` rows with one of
            the others.
        verbose: True shows progress on stderr, "auto" only in a terminal.

    Returns:
        The pairs in the order of their rows. Of several exact copies each is linked with the
        first of them, which alone is held against the other pictures.
    """
    links, kept = ([], list(range(len(checksums)))) if first else _exact(image, checksums)
    pictures = np.empty((len(kept), SIDE, SIDE), np.uint8)
    for place, picture in enumerate(in_threads(lambda row: _small(image(row)), kept, chunk=_CHUNK)):
        pictures[place] = picture
    least = MIN_COSINE if len(kept) > _FEW else _MIN_COSINE_OF_FEW
    candidates = find_candidates(pictures, first=first, threshold=least)
    for place, detail in enumerate(in_threads(coarse_detail, pictures, chunk=_CHUNK)):
        pictures[place] = detail

    def confirmed(candidate: np.void) -> Link | None:
        return _confirm(candidate, image=image, details=pictures, rows=kept)

    with progress_bar(len(candidates), "Comparing look-alikes", verbose) as advance:
        for link in in_threads(confirmed, candidates, chunk=_CHUNK):
            if link is not None:
                links.append(link)
            advance(1)
    return sorted(links)


def _exact(
    image: Callable[[int], NDArray[Any]], checksums: Sequence[int]
) -> tuple[list[Link], list[int]]:
    """Return links of equal pictures and the rows that are the first of their kind."""
    links, kept = [], []
    known: dict[int, list[int]] = {}
    for row, checksum in enumerate(checksums):
        alike = known.setdefault(checksum, [])
        same = next((one for one in alike if np.array_equal(image(one), image(row))), None)
        if same is None:
            alike.append(row)
            kept.append(row)
        else:
            links.append(Link(same, row, "exact"))
    return links, kept


def _confirm(
    candidate: np.void,
    *,
    image: Callable[[int], NDArray[Any]],
    details: NDArray[np.uint8],
    rows: Sequence[int],
) -> Link | None:
    framing = FRAMINGS[candidate["framing"]]
    query, target = (candidate[name] for name in ("query", "target"))
    matrix = align(turned(details[query], framing), details[target], framing)
    if matrix is None:
        return None
    query, target = rows[query], rows[target]
    one, other = sorted((query, target))
    kind = "flipped" if framing.flipped else "inverted" if framing.inverted else "near"
    if kind == "near" and np.array_equal(image(one), image(other)):
        return Link(one, other, "exact")
    found = agreement(turned(_grey(image(query)), framing), _grey(image(target)), matrix)
    return Link(one, other, kind, *found) if found is not None and found.confirmed else None


def _small(image: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(fit(_grey(image), (SIDE, SIDE)))


def _grey(image: NDArray[Any]) -> NDArray[np.uint8]:
    return image if image.dtype == np.uint8 else np.rint(image).astype(np.uint8)
