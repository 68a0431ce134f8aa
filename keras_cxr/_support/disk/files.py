"""Files that are written whole or not at all."""

import contextlib
import functools
import glob
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from keras_cxr._support.text.names import shown
from keras_cxr.errors import DataError, KerasCXRError, OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AN_HOUR = 3600.0  # seconds
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Return a file opened for reading; pipes, sockets and devices, which may hang, are refused.

    Raises:
        DataError: (a ValueError) with the bare reason: it is no regular file.
        OSError: it cannot be opened.
    """
    _check_regular(os.stat(path).st_mode)  # noqa: PTH116  called for every file
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115
    try:
        _check_regular(os.fstat(file.fileno()).st_mode)
    except DataError:
        file.close()
        raise
    return file


def _check_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(mode)), "a device")
        raise DataError(f"not a file that can be read: it is {kind}")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def check_output(path: str | os.PathLike[str]) -> Path:
    """Return the folder, shown to be writable or creatable; nothing is created yet.

    For the beginning of long work, so that an unwritable folder costs no hour and bad input
    leaves no empty folder.

    Raises:
        OutputError: (an OSError) it cannot be created or written to.
    """
    folder = Path(path)
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def output_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder, created where it is missing and shown to be writable.

    Raises:
        OutputError: (an OSError) it cannot be created or written to.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return check_output(folder)


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"Cannot write to the folder {folder} ({error.strerror}). "
        "Choose another output folder or change its permissions."
    )


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which takes the place of `path` once it is on disk.

    No reader meets half a file, whenever the process dies; an older file stays until then.

    Raises:
        OutputError: (an OSError) the file cannot be written.
    """
    # the suffix stays, since Keras chooses the format by it
    temporary = path.with_name(f".{_short_stem(path)}.{os.getpid()}.tmp{path.suffix}")
    _remove_abandoned(path)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"Cannot write {path} ({error.strerror or error}). What was there before is kept."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def temporaries_of(path: Path) -> list[Path]:
    """Return what `whole_file` left beside `path` when its process was killed."""
    start, end = glob.escape(_short_stem(path)), glob.escape(path.suffix)
    return sorted(path.parent.glob(f".{start}.*.tmp{end}"))


def _remove_abandoned(path: Path) -> None:
    """Delete what processes that are dead left beside a file an hour ago or earlier.

    The hour is for processes of another machine that write to the same disk.
    """
    start, end = f".{_short_stem(path)}.", f".tmp{path.suffix}"
    for name in _temporaries_in(path.parent):
        process = name[len(start) : -len(end)]
        if name.startswith(start) and name.endswith(end) and process.isdecimal():
            left = path.with_name(name)
            with contextlib.suppress(OSError, OverflowError):
                if time.time() - left.stat().st_mtime > _AN_HOUR and not _is_alive(int(process)):
                    left.unlink()


@functools.lru_cache(maxsize=64)
def _temporaries_in(folder: Path) -> tuple[str, ...]:
    """Return what was left in a folder when this process first wrote there; looked up once.

    A folder of thousands of heat maps is not listed for each of them.
    """
    try:
        return tuple(name for name in os.listdir(folder) if name[0] == "." and ".tmp" in name)  # noqa: PTH208
    except OSError:
        return ()


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # there the signal would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of somebody else
        return True
    return True


def _short_stem(path: Path) -> str:
    """Return the stem without what would make the temporary name longer than file systems take."""
    return path.stem.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "surrogateescape")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all; text that is no UTF-8 is written as `shown` has it.

    Raises:
        OutputError: (an OSError) the file cannot be written; an older one is left as it was.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(shown(content).encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def writing_to(
    folder: Path,
    *,
    called: str = "image cache",
    remedy: str = "Pass cache_dir= a folder with room, set KERAS_CXR_CACHE, or pass cache=False.",
) -> Iterator[None]:
    """Turn the system's refusals to write to a cache into an error that says what to do.

    Args:
        folder: the cache.
        called: what it is.
        remedy: what a person does.

    Raises:
        OutputError: (an OSError) the system refused.
    """
    try:
        yield
    except KerasCXRError:
        raise
    except OSError as error:
        raise OutputError(
            f"The {called} {folder} cannot be written ({error.strerror or error}). {remedy}"
        ) from error


SET_CACHE = "Set KERAS_CXR_CACHE to a folder with room that may be written."
"""The remedy where the cache is not chosen by an argument."""


def _sync_folder(path: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def arrays_digest(arrays: "Iterable[NDArray[Any]]") -> str:
    """Return the SHA-256 of arrays, of their shapes, types and values, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr((array.shape, str(array.dtype))).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
