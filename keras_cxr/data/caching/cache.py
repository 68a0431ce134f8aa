"""Decoded images on disk: one memory-mapped file of uint8 pixels, one of masks, one index.

A cache belongs to one source (a folder or a table) and one image size. Its index names the
size and time of every file; where these no longer agree, unchanged rows are copied and the
rest is read anew. The index is replaced last and at once, so a cache is whole or not there. A
lock lets a second process wait for the first instead of reading the same files again.
"""

import hashlib
import logging
import os
import secrets
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from keras_cxr._support.disk.files import temporaries_of, writing_to
from keras_cxr._support.disk.locking import locked
from keras_cxr._support.text.names import name_bytes
from keras_cxr.data.caching.index import (
    INDEX_NAME,
    DamagedError,
    Earlier,
    Index,
    OutdatedError,
    create_array,
    open_arrays,
    read_index,
    shapes,
    signature,
    write_index,
)
from keras_cxr.data.caching.reading import Record, read_all
from keras_cxr.data.caching.store import FileStore, MappedStore
from keras_cxr.data.catalog import Catalog
from keras_cxr.errors import DataError, OutputError

_PREFIX = "images-"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CacheInfo:
    """One cache on disk.

    Attributes:
        path: its folder.
        source: the folder or table it was made from.
        image_size: (height, width) of the images in it.
        num_images: how many there are; 0 in a damaged or outdated cache.
        num_bytes: the room it takes.
    """

    path: Path
    source: str
    image_size: tuple[int, int]
    num_images: int
    num_bytes: int


def default_cache_dir() -> Path:
    """Return the cache folder: `KERAS_CXR_CACHE`, else the user's cache folder."""
    chosen = os.environ.get("KERAS_CXR_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("keras-cxr"))


def list_caches(cache_dir: str | os.PathLike[str] | None = None) -> list[CacheInfo]:
    """Return the caches in a folder by name; a damaged or outdated one has 0 images."""
    root = Path(cache_dir).expanduser() if cache_dir is not None else default_cache_dir()
    found = []
    for folder in sorted(root.glob(f"{_PREFIX}*")) if root.is_dir() else []:
        if not folder.is_dir():
            continue
        num_bytes = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        try:
            index = read_index(folder)
        except (DamagedError, FileNotFoundError) as error:
            text = "(earlier release)" if isinstance(error, OutdatedError) else "(damaged)"
            found.append(CacheInfo(folder, text, (0, 0), 0, num_bytes))
            continue
        found.append(
            CacheInfo(folder, index.source, index.image_size, len(index.records), num_bytes)
        )
    return found


def clear_caches(cache_dir: str | os.PathLike[str] | None = None) -> list[CacheInfo]:
    """Delete the caches in a folder and returns what was deleted.

    Raises:
        OutputError: A cache cannot be deleted.
    """
    found = list_caches(cache_dir)
    for info in found:
        try:
            shutil.rmtree(info.path)
        except OSError as error:
            raise OutputError(f"Cannot delete the cache {info.path}: {error.strerror}") from error
    return found


def cache_folder(
    catalog: Catalog,
    image_size: tuple[int, int],
    *,
    intensity: str = "stored",
    cache_dir: str | os.PathLike[str] | None = None,
) -> Path:
    """Return the folder of a catalog's cache, which need not exist yet."""
    root = Path(cache_dir).expanduser() if cache_dir is not None else default_cache_dir()
    more = "" if intensity == "stored" else f"\n{intensity}"
    name = hashlib.sha256(name_bytes(f"{catalog.source}\n{image_size}{more}")).hexdigest()[:16]
    return root / f"{_PREFIX}{name}"


def open_cache(
    catalog: Catalog,
    image_size: tuple[int, int],
    *,
    intensity: str = "stored",
    cache_dir: str | os.PathLike[str] | None = None,
    verbose: bool | str = "auto",
) -> tuple[MappedStore, list[Record]]:
    """Return the cached pixels of a catalog and one record per entry, reading what is missing.

    Raises:
        OutputError: The cache folder cannot be written; the text says what to do.
    """
    folder = cache_folder(catalog, image_size, intensity=intensity, cache_dir=cache_dir)
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "lock", f"Another process is reading {catalog.root}; waiting for it"):
            index = _usable(folder, catalog, image_size)
            if index is None or not index.describes(catalog.entries):
                index = _build(
                    folder, catalog, image_size, intensity=intensity, stale=index, verbose=verbose
                )
            images, masks = open_arrays(folder, index)

    store = MappedStore(
        images,
        masks,
        index.records,
        files=FileStore(catalog, image_size, index.records, intensity=intensity),
        on_damage=partial(_forget, folder),
        open_again=partial(_open_again, folder, index),
    )
    return store, index.records


def _forget(folder: Path) -> None:
    _log.warning("The image cache %s is damaged; the files are read instead", folder)
    (folder / INDEX_NAME).unlink(missing_ok=True)


def _open_again(folder: Path, index: Index) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    try:
        return open_arrays(folder, index)
    except DamagedError as error:
        raise DataError(
            f"The image cache {folder} has changed since these data sets were made ({error}): make "
            "them again with make_datasets."
        ) from error


def _usable(folder: Path, catalog: Catalog, image_size: tuple[int, int]) -> Index | None:
    """Return the index on disk, current or stale; None where there is none to trust."""
    try:
        index = read_index(folder)
        open_arrays(folder, index)
    except (FileNotFoundError, OutdatedError):
        return None
    except DamagedError as error:
        _log.warning("The image cache %s is damaged (%s) and is rebuilt", folder, error)
        return None
    for row, record in enumerate(index.records):
        file, mask = index.signatures[row][0], index.signatures[row][3]
        if record.denied and all(
            os.access(catalog.path(one), os.R_OK) for one in (file, mask) if one
        ):
            # rights changed, which leaves size and time as they were: read it again
            index.signatures[row] = (file, -2, -2, mask, -2, -2)
    return index if index.image_size == image_size else None


def _build(
    folder: Path,
    catalog: Catalog,
    image_size: tuple[int, int],
    *,
    intensity: str,
    stale: Index | None,
    verbose: bool | str,
) -> Index:
    # what a killed process left: the lock is ours
    for left in (*folder.glob("*.tmp"), *temporaries_of(folder / INDEX_NAME)):
        left.unlink()
    earlier = Earlier(folder, stale) if stale is not None else None
    if earlier is not None:
        changed = sum(entry not in earlier for entry in catalog.entries)
        _log.warning(
            "The image cache of %s is stale (%s of %s files are new or changed) and is rebuilt",
            catalog.root,
            f"{changed:,}",
            f"{len(catalog.entries):,}",
        )
    token = secrets.token_hex(4)
    has_masks = any(entry.mask for entry in catalog.entries)
    names = [f"pixels-{token}.u8", *([f"masks-{token}.bits"] if has_masks else [])]
    temporary = [folder / f"{name}.tmp" for name in names]
    try:
        arrays = [
            create_array(path, shape)
            for path, shape in zip(
                temporary, shapes(len(catalog.entries), image_size), strict=False
            )
        ]

        def sink(row: int, image: NDArray[np.uint8], mask: NDArray[np.uint8] | None) -> None:
            arrays[0][row] = image
            if mask is not None:
                arrays[1][row] = mask

        records = read_all(
            catalog, image_size, intensity=intensity, sink=sink, earlier=earlier, verbose=verbose
        )
        arrays.clear()  # Windows renames no file that is mapped
        for path, name in zip(temporary, names, strict=True):
            path.replace(folder / name)
        signatures = [signature(entry) for entry in catalog.entries]
        mask_name = names[1] if has_masks else ""
        index = Index(catalog.source, image_size, names[0], mask_name, signatures, records)
        write_index(folder, index)
    except BaseException:
        for path in (*temporary, *(folder / name for name in names)):
            path.unlink(missing_ok=True)
        raise
    for file in folder.glob("*-*.*"):  # what the replaced index named, and what a kill left
        if file.name not in names:
            file.unlink(missing_ok=True)
    return index
