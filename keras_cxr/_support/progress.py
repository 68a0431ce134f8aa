"""What a person sees of long work, on standard error: a bar that advances, and lines."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


def is_shown(verbose: bool | str) -> bool:
    """Return whether progress is shown: for True, and for "auto" in a terminal."""
    # Keras' 1 and 2 are True here
    return sys.stderr.isatty() if verbose == "auto" else bool(verbose)


Say = Callable[[str], None]
"""What is called with lines of text on the way."""


def say(text: str) -> None:
    """Print a line on standard error at once."""
    print(text, file=sys.stderr, flush=True)


def speaker(given: Say | None, verbose: bool | str) -> Say:
    """Return what is called with lines of text: the caller's own, or what `verbose` asks for.

    Args:
        given: the caller's `say`, if any
        verbose: True prints lines on standard error, "auto" only in a terminal
    """
    if given is not None:
        return given
    return say if is_shown(verbose) else silent


def silent(text: str) -> None:
    """Say nothing."""


@contextmanager
def progress_bar(total: int, text: str, verbose: bool | str) -> Iterator[Callable[[int], None]]:
    """Show a bar while a block runs and yield the function that advances it.

    Args:
        total: how many steps there are
        text: stands in front of the bar
        verbose: True shows the bar, "auto" only in a terminal
    """
    if not is_shown(verbose):
        yield lambda count: None
        return
    from rich.progress import TextColumn, TimeRemainingColumn

    with make_bars(TextColumn("{task.description}"), TimeRemainingColumn()) as bars:
        task = bars.add_task(text, total=total)
        yield lambda count: bars.advance(task, count)


def make_bars(
    first: "ProgressColumn", *last: "ProgressColumn", transient: bool = False
) -> "Progress":
    """Return bars on standard error, with columns in front of and behind bar and count.

    Args:
        first: in front of the bar
        *last: behind the count
        transient: whether the bars disappear when they are stopped
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress

    columns = (first, BarColumn(), MofNCompleteColumn(), *last)
    return Progress(*columns, console=Console(stderr=True), transient=transient)
