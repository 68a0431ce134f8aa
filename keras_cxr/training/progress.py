"""What a person sees while a model trains: bars in a terminal, a line per epoch elsewhere."""

import sys
import time
from typing import Any

from keras_cxr._support.progress import make_bars, say
from keras_cxr.errors import InvalidArgumentError

VERBOSE = ("auto", 0, 1, 2)
_FIRST = ("loss", "accuracy", "val_loss", "val_accuracy")


class Progress:
    """Says nothing; the other two speak.

    Args:
        epochs: number of epochs the whole run has.
        steps: batches per epoch.
        images: training images per epoch.
        batch_size: images per batch; the last batch may be smaller.
    """

    def __init__(self, *, epochs: int, steps: int, images: int, batch_size: int) -> None:
        self.epochs = epochs
        self.steps = steps
        self.images = images
        self.batch_size = batch_size

    def say(self, text: str) -> None:
        """Show a message that is not about one epoch."""

    def begin_epoch(self, epoch: int) -> None:
        """Note that an epoch begins."""

    def end_batch(self, batch: int, loss: float | None) -> None:
        """Note that a batch is done; `loss` is the epoch's mean so far where it was looked at."""

    def end_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        """Note that an epoch is done; `seconds` are those of its training pass."""

    def close(self) -> None:
        """Training has ended, somehow."""

    def line(self, epoch: int, logs: dict[str, float], seconds: float) -> str:
        """One epoch in one line."""
        width = len(str(self.epochs))
        names = [*(n for n in _FIRST if n in logs), *(n for n in logs if n not in _FIRST)]
        shown = "  ".join(f"{name} {logs[name]:.4g}" for name in names)
        speed = self.images / max(seconds, 1e-9)
        return (
            f"epoch {epoch + 1:{width}}/{self.epochs}  {seconds:6.1f} s"
            f"  {speed:6.0f} images/s  {shown}"
        )


class Lines(Progress):
    """One plain line per epoch on standard error, for files and pipes."""

    def say(self, text: str) -> None:
        """Print the message."""
        say(text)

    def end_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        """Print the epoch's line."""
        self.say(self.line(epoch, logs, seconds))


class Bars(Progress):
    """A bar for the epochs and one for the batches, images per second and the time left."""

    def __init__(self, **sizes: int) -> None:
        super().__init__(**sizes)
        from rich.progress import TextColumn

        names = ("description:>12", "fields[speed]", "fields[left]")
        first, *last = (TextColumn(f"{{task.{name}}}") for name in names)
        self._bars = make_bars(first, *last, transient=True)
        self._epochs = self._bars.add_task("epochs", total=self.epochs, speed="", left="")
        self._batches = self._bars.add_task("batches", total=self.steps, speed="", left="")
        self._started = 0.0
        self._epoch = 0
        self._loss = ""

    def say(self, text: str) -> None:
        """Print the message above the bars."""
        self._bars.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def begin_epoch(self, epoch: int) -> None:
        """Empty the bar of the batches."""
        self._bars.start()
        self._started = time.perf_counter()
        self._epoch, self._loss = epoch, ""
        self._bars.update(self._epochs, completed=epoch)
        self._bars.update(
            self._batches, completed=0, description=f"epoch {epoch + 1}", speed="", left=""
        )

    def end_batch(self, batch: int, loss: float | None) -> None:
        """Move both bars."""
        done = batch + 1
        seconds = time.perf_counter() - self._started
        if loss is not None:
            self._loss = f"  loss {loss:.4f}"
        speed = min(done * self.batch_size, self.images) / max(seconds, 1e-9)
        left = seconds / done * (self.steps - done)
        rest = left + (self.epochs - self._epoch - 1) * (seconds / done * self.steps)
        self._bars.update(
            self._batches,
            completed=done,
            speed=f"{speed:.0f} images/s{self._loss}",
            left=f"{_clock(left)} left",
        )
        self._bars.update(self._epochs, left=f"{_clock(rest)} left")

    def end_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        """Print the epoch's line above the bars."""
        self._bars.update(self._epochs, completed=epoch + 1)
        self.say(self.line(epoch, logs, seconds))

    def close(self) -> None:
        """Take the bars away; the lines stay."""
        self._bars.stop()


def make_progress(verbose: Any, **sizes: int) -> Progress:
    """Return the way to show progress that `verbose` asks for.

    Args:
        verbose: "auto" (bars where standard error is a terminal, else lines), 0 or False
            (nothing), 1 or True (bars), 2 (a line per epoch).
        **sizes: `epochs`, `steps`, `images` and `batch_size`, as `Progress` takes them.

    Raises:
        InvalidArgumentError: `verbose` is none of these.
    """
    if verbose not in VERBOSE:
        raise InvalidArgumentError(f'verbose must be "auto", 0, 1 or 2, not {verbose!r}.')
    if verbose == "auto":
        verbose = 1 if sys.stderr.isatty() else 2
    kinds: tuple[type[Progress], ...] = (Progress, Bars, Lines)
    return kinds[int(verbose)](**sizes)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
