"""A lock between processes that the system releases when its holder dies."""

import contextlib
import glob
import logging
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_log = logging.getLogger(__name__)
_WAIT_SECONDS = 0.05
_LOCK = ".lock"
_TOKEN = 32  # of a UUID in hexadecimal
_A_DAY = 86_400.0  # seconds

if sys.platform == "win32":
    import msvcrt

    def try_lock(file: IO[str]) -> bool:
        """Return whether the lock was free; closing the file, or dying, gives it back."""
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def try_lock(file: IO[str]) -> bool:
        """Return whether the lock was free; closing the file, or dying, gives it back."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class ScratchFolder:
    """A hidden folder beside a target that takes the target's place once it is whole.

    A lock in it tells that its process lives. What dead processes left beside the same target is
    removed first.

    Args:
        target: what the folder shall become.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, target: Path) -> None:
        self._prefix = f".{target.name}-"
        for left in target.parent.glob(f"{glob.escape(self._prefix)}*"):
            if len(left.name) == len(self._prefix) + _TOKEN and left.is_dir():
                _remove_abandoned(left)
        while True:
            self.path = target.with_name(self._prefix + uuid.uuid4().hex)
            self.path.mkdir(parents=True)
            self._lock = (self.path / _LOCK).open("a")
            if try_lock(self._lock) and (self.path / _LOCK).exists():
                return
            self._lock.close()  # another process took it for abandoned between the two lines

    def become(self, target: Path) -> None:
        """Take the target's place; nothing may stand there."""
        (self.path / _LOCK).unlink()
        self._lock.close()  # Windows renames no folder with an open file
        self.path.rename(target)

    def remove(self) -> None:
        """Delete the folder."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if not (folder / _LOCK).exists():  # just made, just renamed, or of an earlier release
            dead = time.time() - folder.stat().st_mtime > _A_DAY
        else:
            with (folder / _LOCK).open("r+") as file:
                dead = try_lock(file)
                if dead:  # the lock is held until all is gone
                    shutil.rmtree(folder, ignore_errors=True)
        if dead:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(path: Path, message: str) -> Iterator[None]:
    """Hold the lock on `path` while the block runs; log `message` once if it must wait."""
    with path.open("a") as file:
        waited = False
        while not try_lock(file):
            if not waited:
                _log.warning(message)
                waited = True
            time.sleep(_WAIT_SECONDS)
        yield
