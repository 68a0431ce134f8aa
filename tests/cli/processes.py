"""`python -m keras_cxr` in processes of their own."""

import signal
import subprocess
import sys
import time


def run(*words, **options):
    """`python -m keras_cxr` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "keras_cxr", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def interruptible(*words):
    """The same, running on, and listening to Ctrl-C."""
    return subprocess.Popen(
        [sys.executable, "-m", "keras_cxr", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a background shell may have had the signal ignored, which children inherit
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_until(condition, process):
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
