"""Remembers which pictures are copies, beside the index of the images that were searched."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from keras_cxr._support.disk.documents import Document, FormError, Range, Text, read_bytes
from keras_cxr._support.disk.jsonable import to_json, write_json
from keras_cxr.data.caching.index import writing_to
from keras_cxr.data.duplicates.search import Link, search

SCHEMA_VERSION = 1
_KIND = Text("exact|near|flipped|inverted", "a kind of pair")
_METHOD = 4  # raised whenever the same pictures would give other pairs


def search_once(
    image: Callable[[int], NDArray[Any]],
    checksums: Sequence[int],
    *,
    first: int | None = None,
    folder: Path | None,
    verbose: bool | str = False,
) -> list[Link]:
    """Returns what `search` returns, which runs only if these pictures were never searched.

    Results are told apart by the pictures' checksums in their order, so that a new, changed or
    missing picture means a new search.

    Args:
        image: See `search`.
        checksums: See `search`.
        first: See `search`.
        folder: The cache folder of the images; None remembers nothing.
        verbose: See `search`.

    Raises:
        OutputError: The result cannot be written.
    """
    if folder is None:
        return search(image, checksums, first=first, verbose=verbose)
    content = to_json([_METHOD, first, *map(int, checksums)], indent=None).encode()
    key = hashlib.sha256(content).hexdigest()
    path = folder / f"duplicates-{key[:16]}.json"
    known = _read(path, key, len(checksums))
    if known is not None:
        return known
    links = search(image, checksums, first=first, verbose=verbose)
    body = {"schema_version": SCHEMA_VERSION, "key": key, "links": links}
    with writing_to(folder):
        write_json(path, body, indent=None)
    return links


def _read(path: Path, key: str, count: int) -> list[Link] | None:
    """The pairs among `count` pictures; None where they are not known or the file is damaged."""
    row = Range(0, count - 1, whole=True)
    links = Document(
        what="pairs of pictures",
        form={"key": Text(key, "the key"), "links": [[row, row, _KIND, float, float]]},
        mend="They are searched again.",
        version=SCHEMA_VERSION,
    )
    try:
        return [Link(*item) for item in links.parse(read_bytes(path))["links"]]
    except FormError:
        return None
