"""Ctrl-C between two batches, never in the middle of one."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def interrupt_held_back() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the block asks for it; a second one acts at once, as ever.

    An exception that is raised while TensorFlow 2.21 turns a value into a tensor ends the
    process with a segmentation fault, before anyone could be told how to go on. Where Ctrl-C
    is not Python's own KeyboardInterrupt (a program's own handler, another thread than the
    main one), nothing is held back.

    Yields:
        A function that raises KeyboardInterrupt if Ctrl-C came. What nobody asked for is
        raised at the end of the block.
    """
    came = False

    def note(number: int, frame: Any) -> None:
        nonlocal came
        if came:
            signal.default_int_handler(number, frame)
        came = True

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    check()
