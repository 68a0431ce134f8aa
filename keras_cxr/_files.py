"""Files that are written whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from keras_cxr.errors import OutputError


def check_output(path: str | os.PathLike[str]) -> Path:
    """The folder, shown to be writable or creatable; nothing is created yet.

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
    """The folder, created where it is missing and shown to be writable.

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
    """A temporary path to write to, which takes the place of `path` once it is on disk.

    No reader meets half a file, whenever the process dies; an older file stays until then.

    Raises:
        OutputError: (an OSError) the file cannot be written.
    """
    # the suffix stays, since Keras chooses the format by it
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
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
    """What `whole_file` left beside `path` when its process was killed."""
    return sorted(path.parent.glob(f".{path.stem}.*.tmp{path.suffix}"))


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputError: (an OSError) the file cannot be written; an older one is left as it was.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def _sync_folder(path: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
