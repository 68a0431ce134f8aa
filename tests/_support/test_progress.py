import io
import sys

import pytest

from keras_cxr._support.progress import is_shown, progress_bar, say


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("verbose", "file", "terminal"),
    [(True, True, True), ("auto", False, True), (False, False, False), (0, False, False)],
)
def test_who_sees_progress(verbose, file, terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert is_shown(verbose) is file
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert is_shown(verbose) is terminal


def test_a_bar_counts_to_its_end(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar(4, "Reading [images]", "auto") as advance:
        advance(1)
        advance(3)
    shown = sys.stderr.getvalue()
    assert "Reading" in shown
    assert "4/4" in shown


def test_nothing_is_shown_to_a_file(capsys):
    with progress_bar(4, "Reading images", "auto") as advance:
        advance(4)
    assert capsys.readouterr() == ("", "")


def test_lines_go_to_standard_error(capsys):
    say("fold 1 of 5")
    assert capsys.readouterr() == ("", "fold 1 of 5\n")
