"""GradCAM on every backend that is installed: the same maps from the same weights."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.explain.zoo import ZOO

QUICK = ["sequential", "model in a model in a model", "subclassed", "shared layer"]
# all models take minutes for each backend: `make test-backends`
NAMES = list(ZOO) if os.environ.get("KERAS_CXR_TEST_BACKENDS") else QUICK
BACKENDS = ["tensorflow", "jax", "torch"]
pytestmark = pytest.mark.xdist_group("backends")


def needs(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; `make test-backends` installs it")


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """Function: the results of all models on a backend, found in a process of its own."""
    folder = tmp_path_factory.mktemp("zoo")
    done = {}

    def run(backend):
        if backend not in done:
            command = [sys.executable, "-m", "tests.explain.on_backend", str(folder), *NAMES]
            environment = {**os.environ, "KERAS_BACKEND": backend}
            subprocess.run(command, check=True, env=environment, timeout=1500)
            done[backend] = {
                name: dict(np.load(folder / f"{name}.{backend}.npz")) for name in NAMES
            }
        return done[backend]

    run("tensorflow")  # which draws the weights
    return run


def assert_close(ours, theirs, tolerance):
    scale = np.abs(theirs).max()
    assert scale > 0
    assert np.abs(ours - theirs).max() <= tolerance * scale


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_backends_agree_with_tensorflow(explained, backend, name):
    needs(backend)
    ours, theirs = explained(backend)[name], explained("tensorflow")[name]
    assert_close(ours["scores"], theirs["scores"], 1e-3)
    assert_close(ours["raw_map"], theirs["raw_map"], 1e-2)
    assert np.abs(ours["heatmap"] - theirs["heatmap"]).max() < 2e-2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_model_stays_and_new_weights_are_seen(explained, backend, name):
    needs(backend)
    found = explained(backend)[name]
    assert found["unchanged"]
    assert_close(found["again"], found["fresh"], 1e-5)
    assert not np.allclose(found["again"], found["raw_map"], rtol=1e-2, atol=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_one_image_gives_the_map_that_it_has_in_a_batch(explained, backend, name):
    needs(backend)
    found = explained(backend)[name]
    assert np.abs(found["one"][0] - found["heatmap"][1]).max() < 5e-3
