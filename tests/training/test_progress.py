import io
import sys

import pytest

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.training.progress import Bars, Lines, Progress, make_progress

SIZES = {"epochs": 12, "steps": 3, "images": 20, "batch_size": 8}
LOGS = {"accuracy": 0.5, "learning_rate": 0.001, "loss": 1.25, "val_loss": 2.0}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def speak(progress):
    progress.say("hello [bold]")
    progress.begin_epoch(1)
    for batch in range(3):
        progress.end_batch(batch, 0.75 if batch == 0 else None)
    progress.end_epoch(1, LOGS, 2.0)
    progress.close()


def test_lines(capsys):
    speak(make_progress(2, **SIZES))
    assert capsys.readouterr().err.splitlines() == [
        "hello [bold]",
        "epoch  2/12     2.0 s      10 images/s  "
        "loss 1.25  accuracy 0.5  val_loss 2  learning_rate 0.001",
    ]


def test_silence(capsys):
    speak(make_progress(0, **SIZES))
    assert capsys.readouterr() == ("", "")


def test_bars(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    progress = make_progress("auto", **SIZES)
    assert type(progress) is Bars
    speak(progress)
    shown = sys.stderr.getvalue()
    for words in ("hello [bold]", "epoch 2", "images/s", "loss 0.7500", "left", "val_loss 2"):
        assert words in shown


@pytest.mark.parametrize(
    ("verbose", "kind"), [("auto", Lines), (0, Progress), (False, Progress), (True, Bars)]
)
def test_kinds(verbose, kind):
    assert type(make_progress(verbose, **SIZES)) is kind


def test_others_are_refused():
    with pytest.raises(InvalidArgumentError, match='verbose must be "auto", 0, 1 or 2'):
        make_progress(3, **SIZES)
