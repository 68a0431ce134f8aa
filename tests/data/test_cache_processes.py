import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keras_cxr.data.cache_files import INDEX_NAME
from tests.data.helpers import kaggle, make, only, same

SCRIPT = """
import sys, time
import keras_cxr.data.reading as reading
from keras_cxr.data import find_images
from keras_cxr.data.cache import open_cache
real = reading.grey_image
def slow(path):
    time.sleep({delay})
    return real(path)
reading.grey_image = slow
print("ready", flush=True)
store, records = open_cache(find_images({folder!r}), (16, 16), cache_dir={cache!r}, verbose=False)
print(len(records), sum(int(store.image(row).sum()) for row in range(len(records))), flush=True)
"""


def start(folder, cache, delay):
    script = SCRIPT.format(delay=delay, folder=str(folder), cache=str(cache))
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout.readline() == "ready\n"
    return process


def wait_for(cache, pattern):
    for _ in range(3000):
        if list(cache.rglob(pattern)):
            return
        time.sleep(0.01)
    raise AssertionError(f"{pattern} never appeared in {cache}")


def test_two_processes_at_once_read_the_files_once(tmp_path):
    folder, cache = kaggle(tmp_path / "films"), tmp_path / "cache"
    processes = [start(folder, cache, 0.1) for _ in range(2)]
    output = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    datasets = make(folder, cache, cache=False)
    expected = sum(int(datasets.load(part)[0].sum()) for part in ("train", "val", "test"))
    assert [text.split() for text, _ in output] == [["14", str(expected)]] * 2
    waited = [errors for _, errors in output if "Another process is reading" in errors]
    assert len(waited) == 1
    assert len(list(only(cache).iterdir())) == 4


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_process_leaves_nothing_half_written(tmp_path, number):
    folder, cache = kaggle(tmp_path / "films"), tmp_path / "cache"
    process = start(folder, cache, 0.4)
    wait_for(cache, "pixels-*.tmp")
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert not list(cache.rglob(INDEX_NAME))
    assert not list(cache.rglob("pixels-*.u8"))
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in errors
        assert not list(cache.rglob("*.tmp"))
    same(make(folder, cache, cache=False), make(folder, cache))
    assert len(list(only(cache).iterdir())) == 4
