import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_agree_with_tensorflow(backend, segmenter, films, tmp_path):
    if not os.environ.get("KERAS_CXR_TEST_BACKENDS"):
        pytest.skip("starts another backend for ten seconds: `make test-backends` asks for it")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; `make test-backends` installs it")
    pictures = films[0][::2]
    np.save(tmp_path / "films.npy", pictures)
    files = [str(tmp_path / name) for name in ("films.npy", "maps.npy")]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-m", "tests.segmentation.on_backend", *files]
    subprocess.run(command, check=True, env=environment, timeout=300)
    maps = np.load(files[1])
    assert np.abs(maps - segmenter.predict(pictures)).max() < 1e-3
    assert maps.max() > 0.9
