import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keras_cxr.data.caching.index import INDEX_NAME
from tests.data.helpers import kaggle, make, only, same

SCRIPT = """
import pathlib, sys, time
import keras_cxr.data.caching.reading as reading
from keras_cxr.data import find_images
from keras_cxr.data.caching.cache import open_cache
real = reading.file_bytes
def slow(path):
    time.sleep({delay})
    while not pathlib.Path({go!r}).exists():
        time.sleep(0.01)
    return real(path)
reading.file_bytes = slow
print("ready", flush=True)
store, records = open_cache(find_images({folder!r}), (16, 16), cache_dir={cache!r}, verbose=False)
print(len(records), sum(int(store.image(row).sum()) for row in range(len(records))), flush=True)
"""


def start(folder, cache, delay, *, go=Path(__file__)):
    """A process that waits `delay` seconds before each file, and for the file `go`."""
    script = SCRIPT.format(delay=delay, folder=str(folder), cache=str(cache), go=str(go))
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
        # a background shell may have had the signal ignored, which children inherit
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
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
    folder, cache, go = kaggle(tmp_path / "films"), tmp_path / "cache", tmp_path / "go"
    first = start(folder, cache, 0, go=go)
    wait_for(cache, "pixels-*.tmp")
    second = start(folder, cache, 0, go=go)
    assert "Another process is reading" in second.stderr.readline()
    go.touch()
    output = [(process.stdout.read(), process.stderr.read()) for process in (first, second)]
    for process in (first, second):
        assert process.wait(timeout=120) == 0
        process.stdout.close()
        process.stderr.close()
    datasets = make(folder, cache, cache=False)
    expected = sum(int(datasets.load(part)[0].sum()) for part in ("train", "val", "test"))
    assert [text.split() for text, _ in output] == [["14", str(expected)]] * 2
    assert all("Another process" not in errors for _, errors in output)
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
