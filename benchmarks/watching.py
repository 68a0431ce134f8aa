"""Watching a process from a thread of its own: how much memory it holds, for one."""

import threading
from collections.abc import Callable
from pathlib import Path


class Watch:
    """Looks again and again within a `with` block, until the block ends or the look says so.

    Args:
        look: called in another thread; False ends the watch.
        every: seconds between two looks.
    """

    def __init__(self, look: Callable[[], bool], *, every: float) -> None:
        self._look = look
        self._every = every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(self._every) and self._look():
            pass


def anonymous_bytes() -> int:
    """RssAnon of this process (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise OSError("this system does not tell RssAnon")


class PeakMemory(Watch):
    """The most anonymous memory that was held within a `with` block, looked at 50 times a second.

    Attributes:
        above: bytes above what was held when this was made.
    """

    def __init__(self) -> None:
        super().__init__(self._look_at_memory, every=0.02)
        self._before = anonymous_bytes()
        self.above = 0

    def __enter__(self) -> "PeakMemory":
        super().__enter__()
        return self

    def _look_at_memory(self) -> bool:
        self.above = max(self.above, anonymous_bytes() - self._before)
        return True
