"""How much memory all reading threads together may take."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MemoryBudget:
    """Lets threads take shares of a number of bytes; who finds too little left waits.

    What needs more than all of it gets in when nobody else is in. Hold only one share of a
    budget at a time: two threads that each wait for a second one would wait for ever.
    """

    def __init__(self, num_bytes: int) -> None:
        self.num_bytes = num_bytes
        self._free = num_bytes
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, num_bytes: int) -> Iterator[None]:
        """Takes a share while the block runs."""
        share = min(num_bytes, self.num_bytes)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= share)
            self._free -= share
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()


FILES = MemoryBudget(512 * 1024 * 1024)
"""For files as they lie on disk; taken before `DECODED`, never after it."""

DECODED = MemoryBudget(1024 * 1024 * 1024)
"""For pictures while they are decoded: eight films of 9 million pixels with 16 bits, or two of
the largest that are read."""
