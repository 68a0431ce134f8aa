"""The one way to work on many items in threads: in order, within bounds, and stopped by Ctrl-C."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import cv2

_AHEAD = 4  # chunks a worker: one may take far longer than the others

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_workers() -> int:
    """Return how many threads work beside a model: 2 to 8, by the machine's cores."""
    return min(8, max(2, os.cpu_count() or 2))


def in_threads(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    chunk: int = 1,
    workers: int | None = None,
) -> Iterator[Result]:
    """Yield `work(item)` for each item, in the order of the items.

    At most four chunks a worker wait, so memory does not grow with the number of items. OpenCV
    keeps to one thread meanwhile, since the pool fills the cores. When an item fails, when
    Ctrl-C is pressed or when the caller stops early, the items that have begun are finished and
    no others begin; only then does the error reach the caller.

    Args:
        work: called from several threads
        items: may be endless; they are taken as they are needed
        chunk: how many items a thread takes at once; more are faster where an item takes less
            than about a millisecond
        workers: how many threads; `num_workers()` by default
    """
    workers = num_workers() if workers is None else workers
    stop = threading.Event()

    def work_through(chunk_items: list[Item]) -> list[Result]:
        results = []
        for item in chunk_items:
            if stop.is_set():
                break
            results.append(work(item))
        return results

    left = iter(items)
    chunks = iter(lambda: list(islice(left, chunk)), [])
    waiting: deque[Future[list[Result]]] = deque()
    with one_thread_in_opencv():
        pool = ThreadPoolExecutor(workers, thread_name_prefix="keras-cxr")
        try:
            for one in chunks:
                waiting.append(pool.submit(work_through, one))
                if len(waiting) > _AHEAD * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_thread_in_opencv() -> Iterator[None]:
    """Keep OpenCV to one thread while a block runs, in whichever thread it runs."""
    global _users, _threads_before
    with _lock:
        if _users == 0:
            _threads_before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                cv2.setNumThreads(_threads_before)


# two blocks at the same time: the last one to end restores what the first one found
_lock = threading.Lock()
_users = 0
_threads_before = 1
