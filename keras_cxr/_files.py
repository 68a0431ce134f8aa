"""Files that are written whole or not at all."""

import os
import tempfile
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


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file by way of a temporary one beside it, so that no reader meets half of it.

    Raises:
        OutputError: (an OSError) the file cannot be written; an older one is left as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"Cannot write {path} ({error.strerror}).") from error
