"""How much memory of its own a process holds, apart from files it has mapped."""

import threading
from pathlib import Path


def anonymous_bytes() -> int:
    """RssAnon of this process (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise OSError("this system does not tell RssAnon")


class PeakMemory:
    """The most anonymous memory that was held within a `with` block, looked at 50 times a second.

    Attributes:
        above: bytes above what was held when the block began.
    """

    def __enter__(self) -> "PeakMemory":
        self._before = anonymous_bytes()
        self.above = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.above = max(self.above, anonymous_bytes() - self._before)
