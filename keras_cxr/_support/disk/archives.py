"""Archives (`.npz`, `.keras`) and weights (`.h5`), looked at before anything is unpacked."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from keras_cxr._support.disk.documents import parse_json
from keras_cxr._support.disk.files import open_regular

_SLACK = 1 << 20  # bytes that a small member may grow by, however well it was packed
_GROWTH = 4  # numpy and Keras store members as they are; a user may have packed them anew
_MODEL_MEMBERS = {
    "config.json": 16 << 20,  # of VGG19 it is 20 KB
    "metadata.json": _SLACK,
    "model.weights.h5": None,
    "model.weights.npz": None,
}
_ASSETS = "assets/"
_WIDTHS = ("units", "filters", "input_dim", "output_dim")
_USUAL_UNITS = 4096  # of VGG19; so many are never too many


class ArchiveError(ValueError):
    """An archive is damaged, or holds what it should not; the text says what."""


def read_npz(path: Path, dtypes: Mapping[str, str] | None = None) -> dict[str, NDArray[Any]]:
    """Return the arrays of an `.npz` file, none larger than its own file.

    Args:
        path: the file.
        dtypes: the names that must be there, each with the kinds of numpy's dtypes that it may
            have, such as "f"; None takes any.

    Raises:
        ArchiveError: it is damaged, lacks a name, or holds objects or arrays larger than itself.
    """
    try:
        with open_regular(path) as opened, zipfile.ZipFile(opened) as archive:
            _check_growth(archive, path)
            for member in archive.infolist():
                with archive.open(member) as file:
                    _check_header(file, member)
            opened.seek(0)
            with np.load(opened, allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
    except ArchiveError:
        raise
    except Exception as error:  # of a damaged file zipfile and numpy raise nearly anything
        raise ArchiveError(str(error) or type(error).__name__) from error
    for name, kinds in (dtypes or {}).items():
        if name not in arrays:
            raise ArchiveError(f"it lacks {name}")
        if arrays[name].dtype.kind not in kinds:
            raise ArchiveError(f"{name} has the dtype {arrays[name].dtype}")
    return arrays


def check_model_archive(path: Path) -> None:
    """Refuse a `.keras` file with members that no model has, or that would fill the memory.

    Raises:
        ArchiveError: the text says what is wrong.
    """
    try:
        with open_regular(path) as opened, zipfile.ZipFile(opened) as archive:
            _check_growth(archive, path)
            _check_members(archive)
            _check_width(archive)
    except ArchiveError:
        raise
    except Exception as error:  # of a damaged file zipfile and HDF5 raise nearly anything
        raise ArchiveError(f"it is damaged ({error or type(error).__name__})") from error


def check_weights_file(path: Path) -> None:
    """Refuse a `.weights.h5` file whose data lie elsewhere, or that would fill the memory.

    Raises:
        ArchiveError: the text says what is wrong.
    """
    try:
        with open_regular(path) as opened:
            _check_stored(opened, path.stat().st_size)
    except ArchiveError:
        raise
    except Exception as error:  # of a damaged file HDF5 raises nearly anything
        raise ArchiveError(f"it is damaged ({error or type(error).__name__})") from error


def _check_stored(file: IO[bytes], packed: int) -> int:
    """Return the longest side of any weight in an HDF5 file."""
    size, widest = 0, 0
    with h5py.File(file, "r") as weights:
        for data in _datasets(weights):
            if data.external or data.is_virtual:
                raise ArchiveError("its weights lie in another file")
            size, widest = size + data.nbytes, max(widest, *data.shape, 0)
    if size > _GROWTH * packed + _SLACK:
        raise ArchiveError(f"its {packed:,} bytes of weights would unpack to {size:,}")
    return widest


def _check_members(archive: zipfile.ZipFile) -> None:
    for member in archive.infolist():
        name = member.filename
        if name not in _MODEL_MEMBERS and not name.startswith(_ASSETS):
            raise ArchiveError(f"it holds {name[:60]!r}, which no model has")
        limit = _MODEL_MEMBERS.get(name)
        if limit is not None and member.file_size > limit:
            raise ArchiveError(f"its {name} has {member.file_size:,} bytes, more than {limit:,}")
    if "config.json" not in archive.namelist():
        raise ArchiveError("it lacks config.json")


def _check_width(archive: zipfile.ZipFile) -> None:
    """Return a layer with more units than any weight in the file has: Keras would make them."""
    if "model.weights.h5" not in archive.namelist():
        return
    with archive.open("model.weights.h5") as member:
        widest = _check_stored(member, archive.getinfo("model.weights.h5").file_size)
    asked = max(_units(parse_json(archive.read("config.json"))), default=0)
    if asked > max(widest, _USUAL_UNITS):
        raise ArchiveError(
            f"a layer asks for {asked:,} units, and its widest weight has {widest:,}"
        )


def _datasets(weights: Any) -> list[Any]:
    found: list[Any] = []
    weights.visititems(lambda name, item: found.append(item) if hasattr(item, "nbytes") else None)
    return found


def _units(config: Any) -> Iterator[int]:
    if isinstance(config, dict):
        for key, value in config.items():
            if key in _WIDTHS and isinstance(value, int):
                yield value
            else:
                yield from _units(value)
    elif isinstance(config, list):
        for value in config:
            yield from _units(value)


def _check_growth(archive: zipfile.ZipFile, path: Path) -> None:
    packed, names = path.stat().st_size, archive.namelist()
    size = sum(member.file_size for member in archive.infolist())
    if size > _GROWTH * packed + _SLACK:
        raise ArchiveError(f"its {packed:,} bytes would unpack to {size:,}")
    if len(set(names)) < len(names):
        raise ArchiveError("it holds two members of one name")


def _check_header(file: Any, member: zipfile.ZipInfo) -> None:
    """Refuse an array whose header lies about its size: numpy would make room for that."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ArchiveError(f"{member.filename} holds Python objects")
    size = dtype.itemsize
    for side in shape:
        size *= side
    if size != member.file_size - file.tell():
        raise ArchiveError(f"{member.filename} is shorter or longer than its shape {shape} says")
