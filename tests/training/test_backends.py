import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compiling import compile_once

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_resume_exactly_without_tensorflow(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("other_backend.py"))],
        cwd=ROOT,
        env={
            **os.environ,
            **compile_once(tmp_path),
            "PYTHONPATH": str(ROOT),
            "KERAS_BACKEND": backend,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{backend} ends the same" in done.stdout
