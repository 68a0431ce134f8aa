"""What reading may take: the largest files and pictures, and the memory of all threads together.

A cap comes before the work: sizes are taken from the header (`headers.py`), so that a file which
would unpack into gigabytes is refused unopened.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from keras_cxr.errors import DataError

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded. Chest films reach 25 million pixels (5,000 x 5,000)."""

MAX_DECODED = 256 * 1024 * 1024
"""Most bytes that a picture may take decoded: a film of MAX_PIXELS with 16 bits takes 128 MB, in
8-bit colour 192 MB; only larger films with 16 bits in each of three or four channels do not fit."""

MAX_BYTES = 512 * 1024 * 1024
"""Largest file that is read. A film of MAX_PIXELS with 16 bits takes 128 MB uncompressed."""


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
        """Take a share while the block runs."""
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


def check_size(width: int, height: int, bytes_per_pixel: int = 1) -> None:
    """Refuse pictures without pixels and those above `MAX_PIXELS` or `MAX_DECODED`.

    Raises:
        DataError: The size is zero or too large.
    """
    if width < 1 or height < 1:
        raise DataError(f"the header says {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise DataError(
            f"too large: {width} x {height} = {width * height:,} pixels, at most {MAX_PIXELS:,}"
        )
    if width * height * bytes_per_pixel > MAX_DECODED:
        raise DataError(
            f"too large: {width} x {height} pixels of {bytes_per_pixel} bytes take "
            f"{width * height * bytes_per_pixel:,} bytes, at most {MAX_DECODED:,}"
        )
