"""A data set opened to be asked: what was found, what could be decoded, and its pictures."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from keras_cxr._support.text.pages import jpeg_address
from keras_cxr.data.caching.cache import cache_folder, open_cache
from keras_cxr.data.caching.reading import Record
from keras_cxr.data.caching.store import Store
from keras_cxr.data.caching.usable import check_found
from keras_cxr.data.catalog import Catalog
from keras_cxr.data.files.formats import NEEDS_PYDICOM
from keras_cxr.data.finding.find import find_images
from keras_cxr.errors import DataError

Data = str | os.PathLike[str] | pd.DataFrame

AGAINST = "against:"
"""In front of the path of a file of the other data set, relative to its own folder."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A data set whose files were all read once.

    Attributes:
        data: What it was opened by.
        name: What people call it: the folder's or file's own name.
        folder: Where it lies, for a folder; None for a table.
        prefix: What paths relative to `folder` have in front of the catalog's, such as
            "inner/" where the classes lie one folder deeper.
        catalog: All images, the corrupt ones too.
        records: What reading each file showed.
        store: The decoded pictures.
        cache: Where results about them are kept.
    """

    data: Data
    name: str
    folder: Path | None
    prefix: str
    catalog: Catalog
    records: Sequence[Record]
    store: Store
    cache: Path

    @property
    def good(self) -> list[int]:
        """The rows of the catalog that could be decoded."""
        return [row for row, record in enumerate(self.records) if not record.error]

    def name_against(self, row: int) -> str:
        """How an audit of another data set names a file of this one."""
        return f"{AGAINST}{self.prefix}{self.catalog.entries[row].file}"


def open_data(
    data: Data,
    *,
    image_size: tuple[int, int],
    root: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    verbose: bool | str = "auto",
) -> Opened:
    """Returns a data set with all its files read; bad files are no error.

    Raises:
        NotFoundError: There is no such folder or file.
        DataError: No layout fits, none of a table's files exists, or pydicom is missing.
        OutputError: The cache cannot be written.
    """
    catalog = find_images(data, root=root, require_classes=False)
    check_found(catalog, on_error="skip")
    store, records = open_cache(catalog, image_size, cache_dir=cache_dir, verbose=verbose)
    missing = next((one.error for one in records if one.error.startswith(NEEDS_PYDICOM)), None)
    if missing is not None:  # no fault of the files, so no flag
        raise DataError(missing)
    path = None if isinstance(data, pd.DataFrame) else Path(data).expanduser()
    name = "the DataFrame" if path is None else path.resolve().name
    folder = path if path is not None and path.is_dir() else None
    inner = "" if folder is None else catalog.root.relative_to(folder).as_posix()
    return Opened(
        data=data,
        name=name,
        folder=folder,
        prefix="" if inner in ("", ".") else f"{inner}/",
        catalog=catalog,
        records=records,
        store=store,
        cache=cache_folder(catalog, image_size, cache_dir=cache_dir),
    )


def places_of_pictures(opened: Opened, other: Opened | None) -> dict[str, tuple[Store, int]]:
    """Returns store and row of each file that could be decoded, by the name in an audit."""
    places = {opened.catalog.entries[row].file: (opened.store, row) for row in opened.good}
    if other is not None:
        for row in other.good:
            places[other.name_against(row)] = (other.store, row)
    return places


class Pictures:
    """Small pictures of the audited files for a page."""

    def __init__(self, places: dict[str, tuple[Store, int]], attributes: pd.DataFrame) -> None:
        self._places = places
        known = attributes[["width", "height"]].dropna()
        sizes = known.to_numpy(int).tolist()
        self._sizes = dict(zip(known.index, sizes, strict=True))

    def address(self, file: str, side: int) -> str:
        """Returns a picture as an address that holds it; "" for files that do not decode.

        Args:
            file: As the audit names it.
            side: Pixels of the longer side; the proportions are those of the file.
        """
        if file not in self._places:
            return ""
        store, row = self._places[file]
        image = np.asarray(store.image(row))
        width, height = self._sizes.get(file, image.shape[::-1])
        scale = side / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return jpeg_address(small)
