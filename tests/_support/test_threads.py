import itertools
import threading

import cv2
import pytest

from keras_cxr._support.threads import in_threads, num_workers, one_thread_in_opencv


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_results_come_in_the_order_of_the_items(count, chunk):
    first_waits = threading.Event()

    def square(number):
        if number == 0 and count > chunk:
            assert first_waits.wait(10)  # later items are done before the first one
        elif number >= chunk:
            first_waits.set()
        return number**2

    found = list(in_threads(square, range(count), chunk=chunk, workers=2))
    assert found == [number**2 for number in range(count)]


def test_items_are_taken_as_they_are_needed():
    taken = []

    def endless():
        for number in itertools.count():
            taken.append(number)
            yield number

    results = in_threads(lambda number: number, endless(), chunk=4, workers=2)
    assert [next(results) for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    results.close()
    assert len(taken) <= 4 * (4 * 2 + 2)


@pytest.mark.parametrize("error", [ValueError("bad item"), KeyboardInterrupt("Ctrl-C")])
def test_after_an_error_no_further_item_begins(error):
    begun = []

    def fail_at_five(number):
        begun.append(number)
        if number == 5:
            raise error
        return number

    with pytest.raises(type(error), match=str(error)):
        list(in_threads(fail_at_five, range(10_000), workers=2))
    seen = len(begun)
    assert seen < 30
    assert not [one for one in threading.enumerate() if one.name.startswith("keras-cxr_")]
    assert len(begun) == seen


def test_an_interrupted_caller_waits_for_the_items_that_have_begun():
    finished, release = [], threading.Event()

    def wait(number):
        if number:
            assert release.wait(10)
            finished.append(number)
        return number

    results = in_threads(wait, range(100), workers=2)
    assert next(results) == 0
    threading.Timer(0.05, release.set).start()
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert set(finished) <= {1, 2, 3}
    assert finished


def test_opencv_keeps_to_one_thread_until_the_last_block_ends():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        one, other = one_thread_in_opencv(), one_thread_in_opencv()
        one.__enter__()
        other.__enter__()
        assert cv2.getNumThreads() == 1
        one.__exit__(None, None, None)
        assert cv2.getNumThreads() == 1
        other.__exit__(None, None, None)
        assert cv2.getNumThreads() == 3
        assert set(in_threads(lambda _: cv2.getNumThreads(), range(4))) == {1}
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_number_of_workers():
    assert 2 <= num_workers() <= 8
