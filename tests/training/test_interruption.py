import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from keras_cxr.training.interruption import interrupt_held_back
from keras_cxr.training.progress import Progress


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def pythons_own_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # was put back
    signal.signal(signal.SIGINT, before)


class Said(Progress):
    """What it was told to say."""

    def __init__(self):
        super().__init__(epochs=1, steps=1, images=1, batch_size=1)
        self.lines = []
        self.answered = threading.Event()

    def say(self, text):
        self.lines.append(text)
        self.answered.set()


def held(*steps, progress=None):
    with interrupt_held_back(progress or Said()) as check:
        for step in steps:
            (check if step == "check" else step)()


def test_ctrl_c_waits_until_it_is_asked_for():
    reached = []
    with pytest.raises(KeyboardInterrupt):
        held(press_ctrl_c, lambda: reached.append("work"), "check", lambda: reached.append("more"))
    assert reached == ["work"]


def test_a_second_ctrl_c_acts_at_once():
    reached = []
    with pytest.raises(KeyboardInterrupt):
        held(press_ctrl_c, lambda: reached.append("1"), press_ctrl_c, lambda: reached.append("2"))
    assert reached == ["1"]


def test_the_first_ctrl_c_is_answered_before_the_block_asks_for_it():
    progress = Said()
    with pytest.raises(KeyboardInterrupt):
        held(press_ctrl_c, lambda: progress.answered.wait(30), "check", progress=progress)
    assert len(progress.lines) == 1
    assert "stopping after this batch; again to stop now" in progress.lines[0]


def test_the_watching_thread_and_its_pipe_are_gone_afterwards():
    before = threading.active_count(), len(list(Path("/dev/fd").iterdir()))
    held("check")
    with contextlib.suppress(KeyboardInterrupt):
        held(press_ctrl_c, "check")
    assert (threading.active_count(), len(list(Path("/dev/fd").iterdir()))) == before
    assert signal.set_wakeup_fd(-1) == -1


NATIVE = """
    import hashlib, signal, sys
    from keras_cxr.training.interruption import interrupt_held_back
    from keras_cxr.training.progress import make_progress

    signal.signal(signal.SIGINT, signal.default_int_handler)
    with interrupt_held_back(make_progress(2, epochs=1, steps=1, images=1, batch_size=1)):
        print("in native code", file=sys.stderr, flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # half an hour, without Python's lock
"""


def test_a_second_ctrl_c_ends_native_code():
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(NATIVE)], stderr=subprocess.PIPE, text=True
    )
    with process:
        await_line(process, "in native code")
        process.send_signal(signal.SIGINT)
        await_line(process, "stopping after this batch")
        process.send_signal(signal.SIGINT)
        await_line(process, "middle of a batch")
        assert process.wait(30) == 130


def await_line(process, words):
    assert any(words in line for line in process.stderr), f"{words!r} did not come"


def test_what_nobody_asked_for_is_raised_at_the_end():
    reached = []
    with pytest.raises(KeyboardInterrupt):
        held("check", press_ctrl_c, lambda: reached.append("to the end"))
    assert reached == ["to the end"]


def test_another_error_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        held(press_ctrl_c, lambda: 1 / 0)


def test_a_programs_own_handler_stays():
    calls = []
    signal.signal(signal.SIGINT, lambda *_: calls.append("own"))
    with interrupt_held_back(Said()) as check:
        press_ctrl_c()
        check()
    assert calls == ["own"]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_train_without_it():
    passed = []

    def hold():
        with interrupt_held_back(Said()) as check:
            check()
            passed.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert passed == [True]
