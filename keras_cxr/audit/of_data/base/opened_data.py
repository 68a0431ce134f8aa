"""A data set of which each file was read once: its images, their records and pictures."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from keras_cxr.data.caching.cache import cache_folder, open_cache
from keras_cxr.data.caching.reading import Record
from keras_cxr.data.caching.store import Store
from keras_cxr.data.caching.usable import check_found
from keras_cxr.data.catalog import Catalog
from keras_cxr.data.files.dicom import NEEDS_PYDICOM
from keras_cxr.data.finding.find import find_images
from keras_cxr.errors import DataError

FolderOrTable = str | os.PathLike[str] | pd.DataFrame

AGAINST = "against:"
"""In front of the path of a file of the other data set, relative to its own folder."""


@dataclass(frozen=True, eq=False)
class OpenedData:
    """A data set whose files were all read once.

    Attributes:
        data: what it was opened by.
        name: what people call it: the folder's or file's own name.
        folder: where it lies, for a folder; None for a table.
        prefix: what paths relative to `folder` have in front of the catalog's, such as
            "inner/" where the classes lie one folder deeper.
        catalog: all images, the corrupt ones too.
        records: what reading each file showed.
        store: the decoded pictures.
        cache: where results about them are kept.
    """

    data: FolderOrTable
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

    @property
    def checksums(self) -> list[int]:
        """The checksums of the decoded pictures; with the attributes they tell data sets apart."""
        return [record.checksum for record in self.records]

    def name_against(self, row: int) -> str:
        """How an audit of another data set names a file of this one."""
        return f"{AGAINST}{self.prefix}{self.catalog.entries[row].file}"


def open_data(
    data: FolderOrTable,
    *,
    image_size: tuple[int, int],
    root: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    verbose: bool | str = "auto",
) -> OpenedData:
    """Return a data set with all its files read; bad files are no error.

    Raises:
        NotFoundError: there is no such folder or file.
        DataError: no layout fits, none of a table's files exists, or pydicom is missing.
        OutputError: the cache cannot be written.
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
    return OpenedData(
        data=data,
        name=name,
        folder=folder,
        prefix="" if inner in ("", ".") else f"{inner}/",
        catalog=catalog,
        records=records,
        store=store,
        cache=cache_folder(catalog, image_size, cache_dir=cache_dir),
    )
