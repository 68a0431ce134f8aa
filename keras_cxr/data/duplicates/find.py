"""`find_duplicates`: which images of a data set are copies of one another."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keras_cxr._support.checks import check_choice, check_image_size
from keras_cxr.data.caching.cache import cache_folder, open_cache
from keras_cxr.data.caching.store import Store
from keras_cxr.data.caching.usable import check_found, keep_good
from keras_cxr.data.duplicates.candidates import MAX_EXHAUSTIVE
from keras_cxr.data.duplicates.search import PAIR_KINDS, Link, search_once
from keras_cxr.data.duplicates.windows import check_searchable
from keras_cxr.data.finding.find import find_images
from keras_cxr.data.groups import connected

SCHEMA_VERSION = 1
_COLUMNS = ("file_a", "file_b", "class_a", "class_b", "similarity", "displacement", "kind")


class DuplicateGroup(NamedTuple):
    """Files that are joined by confirmed pairs, directly or through one another.

    Attributes:
        files: two or more, in the order of the data set.
        classes: the classes that they are filed under, sorted.
    """

    files: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Duplicates:
    """The copies in a data set; made by `find_duplicates`.

    Attributes:
        pairs: one row for each confirmed pair with columns file_a, file_b, class_a, class_b,
            similarity (median correlation of fine structure, at most 1), displacement (what is
            left between the two after one affine map, in 1/224 of the picture) and kind:
            one of `PAIR_KINDS`.
        groups: what the pairs join, largest first.
        num_images: how many images were searched.
        notes: what is worth knowing, such as files that were left out.
    """

    pairs: pd.DataFrame
    groups: tuple[DuplicateGroup, ...]
    num_images: int
    notes: tuple[str, ...] = ()

    @property
    def conflicts(self) -> tuple[DuplicateGroup, ...]:
        """The groups that hold several classes: at least one of their labels is wrong."""
        return tuple(group for group in self.groups if len(group.classes) > 1)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON holds it, with a `schema_version`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "num_images": self.num_images,
            "pairs": self.pairs.to_dict("records"),
            "groups": [
                {"files": list(group.files), "classes": list(group.classes)}
                for group in self.groups
            ],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        counts = Counter(self.pairs["kind"])
        held = sum(len(group.files) for group in self.groups)
        kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in PAIR_KINDS)
        lines = [
            f"{held:,} of {self.num_images:,} images have copies, in {len(self.groups):,} groups",
            f"  pairs: {kinds}",
            f"  groups with several classes: {len(self.conflicts):,}",
        ]
        lines += [f"    {', '.join(group.files)}" for group in self.conflicts[:3]]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return f"Duplicates(pairs={len(self.pairs)}, groups={len(self.groups)})"


def find_duplicates(
    data: str | os.PathLike[str] | pd.DataFrame,
    *,
    against: str | os.PathLike[str] | pd.DataFrame | None = None,
    image_size: tuple[int, int] = (224, 224),
    root: str | os.PathLike[str] | None = None,
    on_error: str = "raise",
    cache_dir: str | os.PathLike[str] | None = None,
    verbose: bool | str = "auto",
) -> Duplicates:
    """Return which chest X-rays of a data set are copies of one another.

    Copies are exact where all pixels agree after decoding and fitting to `image_size`; near
    where one is the other resized, compressed again, cropped by up to some 15 %, shifted by up to
    some 6 %, with other brightness or contrast, or with letters on it; flipped where it is
    mirrored besides, inverted where it is a negative.

    All pairs are compared from afar by low frequencies (`find_candidates`; among more than
    50,000 images an index chooses which pairs), then those that look alike at 64 x 64 and at
    224 x 224 (`pairs.py`): aligned by an affine map, they must agree in fine structure
    (median correlation of at least 0.8) and nowhere be apart (70 % of the places by at most 0.5
    of 224 pixels). The result is kept beside the cached images, and a second call reads it.

    What this does not show: two films of one patient are not copies and are not looked for.
    Where the second was taken at once, with nothing moved by a millimetre against
    the rest, it cannot be told from a copy. Copies that are cropped by more than some 15 %,
    turned by more than some 4 degrees, or mirrored and inverted at once are missed.

    Args:
        data: a folder, CSV file or DataFrame as `make_datasets` takes it, or a folder of images
            without classes.
        against: another one, such as an external test set: only pairs of an image of `data`
            (file_a) with one of `against` (file_b, as a path) are looked for.
        image_size: (height, width), at least 64, of the cached images that are compared.
        root: the folder that a table's paths are relative to; by default the CSV's own.
        on_error: "raise" lists all bad files in one error, "skip" leaves them out.
        cache_dir: where images and result are kept; by default `KERAS_CXR_CACHE` or the user's
            cache folder.
        verbose: True shows progress on stderr, "auto" only in a terminal.

    Returns:
        The frozen `Duplicates`; print it for a summary.

    Raises:
        NotFoundError: There is no such folder or file.
        DataError: Images cannot be used; all bad files are listed.
        InvalidArgumentError: An argument has a value that cannot work.
        OutputError: The cache cannot be written.

    Examples:
        >>> from keras_cxr.data import find_duplicates
        >>> duplicates = find_duplicates("COVID-19_Radiography_Dataset")  # doctest: +SKIP
        >>> duplicates.pairs[duplicates.pairs["kind"] == "near"]  # doctest: +SKIP
    """
    check_choice("on_error", on_error, ("raise", "skip"))
    size = check_searchable(check_image_size(image_size))
    sources = [data] if against is None else [data, against]
    names: list[str] = []
    classes: list[str] = []
    notes: list[str] = []
    images: list[tuple[Store, int]] = []
    checksums: list[int] = []
    first, folder = None, None
    for number, source in enumerate(sources):
        catalog = find_images(source, root=root, require_classes=False)
        check_found(catalog, on_error=on_error)
        store, records = open_cache(catalog, size, cache_dir=cache_dir, verbose=verbose)
        rows, left_out = keep_good(catalog, records, region="full", on_error=on_error, segmented={})
        files = [catalog.entries[row].file for row in rows]
        names += files if number == 0 else [Path(catalog.path(file)).as_posix() for file in files]
        classes += [catalog.entries[row].label for row in rows]
        images += [(store, row) for row in rows]
        checksums += [records[row].checksum for row in rows]
        notes += left_out
        if number == 0:
            folder = cache_folder(catalog, size, cache_dir=cache_dir)
            first = len(rows) if against is not None else None

    def image(place: int) -> NDArray[np.uint8]:
        store, row = images[place]
        return np.asarray(store.image(row))

    links = search_once(image, checksums, first=first, folder=folder, verbose=verbose)
    if len(checksums) > MAX_EXHAUSTIVE:
        notes.append(
            f"among more than {MAX_EXHAUSTIVE:,} images an index chose what was compared: "
            "some 2 of 1,000 copies that all pairs would show are missed"
        )
    return _duplicates(links, names, classes, notes=tuple(notes))


def _duplicates(
    links: Sequence[Link], names: Sequence[str], classes: Sequence[str], *, notes: tuple[str, ...]
) -> Duplicates:
    rows = [
        (
            names[link.one],
            names[link.other],
            classes[link.one],
            classes[link.other],
            link.similarity,
            link.displacement,
            link.kind,
        )
        for link in links
    ]
    groups = group_pairs([(link.one, link.other) for link in links], names, classes)
    pairs = pd.DataFrame(rows, columns=list(_COLUMNS))
    return Duplicates(pairs, groups, len(names), notes)


def group_pairs(
    pairs: Iterable[tuple[int, int]], files: Sequence[str], classes: Sequence[str]
) -> tuple[DuplicateGroup, ...]:
    """Return what pairs of rows join, the largest groups first.

    Args:
        pairs: the rows of two copies each
        files: the file of each row
        classes: the class of each row, "" for none
    """
    groups = (
        DuplicateGroup(
            tuple(files[row] for row in members),
            tuple(sorted({classes[row] for row in members} - {""})),
        )
        for members in connected(pairs)
    )
    return tuple(sorted(groups, key=lambda group: -len(group.files)))
