"""GradCAM keeps nothing of what it did before, measured in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compiling import compile_once
from tests.explain.test_backends import BACKENDS, needs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc"),
]


@pytest.mark.parametrize("backend", BACKENDS)
def test_200_calls_and_50_objects_leave_nothing(backend, tmp_path):
    needs(backend)
    # an object for which JAX reads what it has compiled holds it as if it were compiled for it
    done = subprocess.run(
        [sys.executable, "-m", "tests.explain.memory_use"],
        env={**os.environ, **compile_once(tmp_path), "KERAS_BACKEND": backend},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["backend"] == backend
    for work, count in (("calls", 200), ("objects", 50)):
        mebibytes, objects = report[work]
        assert mebibytes < 12  # the pictures of 200 calls are 25 MiB, 50 compiled models more
        assert objects < count  # not one object for each call
