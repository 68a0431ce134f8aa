"""A lock between processes that the system releases when its holder dies."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_log = logging.getLogger(__name__)
_WAIT_SECONDS = 0.05

if sys.platform == "win32":
    import msvcrt

    def try_lock(file: IO[str]) -> bool:
        """Whether the lock was free; closing the file, or dying, gives it back."""
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def try_lock(file: IO[str]) -> bool:
        """Whether the lock was free; closing the file, or dying, gives it back."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def locked(path: Path, message: str) -> Iterator[None]:
    """Holds the lock on `path` while the block runs; logs `message` once if it must wait."""
    with path.open("a") as file:
        waited = False
        while not try_lock(file):
            if not waited:
                _log.warning(message)
                waited = True
            time.sleep(_WAIT_SECONDS)
        yield
