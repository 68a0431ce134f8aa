import os
import signal
import threading

import pytest

from keras_cxr.training.interruption import interrupt_held_back


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def pythons_own_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # was put back
    signal.signal(signal.SIGINT, before)


def held(*steps):
    with interrupt_held_back() as check:
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
    with interrupt_held_back() as check:
        press_ctrl_c()
        check()
    assert calls == ["own"]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_train_without_it():
    passed = []

    def hold():
        with interrupt_held_back() as check:
            check()
            passed.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert passed == [True]
