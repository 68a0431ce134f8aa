"""One preset, whichever backend saved it, gives equal answers on the others."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_cxr.inference import Classifier
from keras_cxr.inference.preset.reading import golden_films


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_preset_answers_equally_on_every_backend(backend, tmp_path):
    if not os.environ.get("KERAS_CXR_TEST_BACKENDS"):
        pytest.skip("starts another backend for ten seconds: `make test-backends` asks for it")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; `make test-backends` installs it")
    classifier = Classifier.from_preset("lmap3_phantom")
    films = golden_films(classifier.model)
    np.save(tmp_path / "films.npy", films)
    files = [str(tmp_path / name) for name in ("films.npy", "answers.npy")]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-m", "tests.inference.on_backend", "lmap3_phantom", *files]
    subprocess.run(command, check=True, env=environment, timeout=300)
    assert np.abs(np.load(files[1]) - classifier.predict(films)).max() < 1e-3
