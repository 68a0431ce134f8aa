"""Ctrl-C between two batches, never in the middle of one; a person is answered at once."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from keras_cxr.training.progress import Progress

GRACE = 1.0
"""Seconds that a second Ctrl-C waits for Python's own exception before it ends the process."""

_INTERRUPTED = 130  # 128 + SIGINT: what shells report for Ctrl-C


@contextlib.contextmanager
def interrupt_held_back(progress: Progress) -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the block asks for it; a second one acts at once.

    An exception that is raised while TensorFlow 2.21 turns a value into a tensor ends the
    process with a segmentation fault, before anyone could be told how to go on. Where Ctrl-C
    is not Python's own KeyboardInterrupt (a program's own handler, another thread than the
    main one), nothing is held back.

    A batch of a large network is one call into native code, which no Python handler interrupts
    for many seconds. A thread therefore reads signals from the pipe that Python's C handler
    writes to (`signal.set_wakeup_fd`): it answers the first Ctrl-C, and ends the process where
    native code keeps the second one from being raised. In an interactive session (a notebook,
    Python's prompt), whose variables would be lost, the second one waits for the batch.

    Args:
        progress: answers a person, from another thread.

    Yields:
        A function that raises KeyboardInterrupt if Ctrl-C came. What nobody asked for is
        raised at the end of the block.
    """
    came = False
    raised = threading.Event()

    def note(number: int, frame: Any) -> None:
        nonlocal came
        if came:
            raised.set()
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
        with _watched(progress, raised):
            yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    check()


@contextlib.contextmanager
def _watched(progress: Progress, raised: threading.Event) -> Iterator[None]:
    """Answer Ctrl-C from a thread, unless an event loop reads the signals already."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    earlier = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if earlier != -1:
        signal.set_wakeup_fd(earlier)
    watcher = threading.Thread(
        target=_watch, args=(reader, progress, raised), name="keras-cxr-ctrl-c", daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        if earlier == -1:
            signal.set_wakeup_fd(-1)
        os.close(writer)
        watcher.join()
        os.close(reader)


def _watch(reader: int, progress: Progress, raised: threading.Event) -> None:
    again = "again to stop as soon as it lets go" if _interactive() else "again to stop now"
    count = 0
    while received := os.read(reader, 1):
        if received[0] != signal.SIGINT:
            continue
        count += 1
        if count == 1:
            progress.say(f"Ctrl-C: stopping after this batch; {again}.")
        elif not raised.wait(GRACE) and not _interactive():
            progress.close()  # a terminal gets its cursor back
            progress.say("Stopped in the middle of a batch: what was saved before is whole.")
            os._exit(_INTERRUPTED)


def _interactive() -> bool:
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules
