import threading
import time

import pytest

from keras_cxr.data.files.memory import MAX_DECODED, MAX_PIXELS, MemoryBudget, check_size
from keras_cxr.errors import DataError


def test_the_cap_lies_where_it_says():
    check_size(1, MAX_PIXELS)
    with pytest.raises(DataError, match="too large"):
        check_size(1, MAX_PIXELS + 1)
    check_size(1, MAX_DECODED // 8, 8)
    with pytest.raises(DataError, match="8 bytes take"):
        check_size(1, MAX_DECODED // 8 + 1, 8)


def test_threads_share_a_budget_and_the_largest_gets_in_alone():
    budget = MemoryBudget(10)
    held, most, lock = [0], [0], threading.Lock()

    def work(share):
        with budget.hold(share):
            with lock:
                held[0] += min(share, 10)
                most[0] = max(most[0], held[0])
            time.sleep(0.001)
            with lock:
                held[0] -= min(share, 10)

    threads = [threading.Thread(target=work, args=(share,)) for share in (3, 4, 25, 6, 10, 1) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most[0] <= 10
    with budget.hold(10):  # everything was given back
        pass
