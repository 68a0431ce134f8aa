"""GradCAM on every backend that is installed: the same maps from the same weights."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_cxr.explain import METHODS
from tests.compiling import compile_once
from tests.explain import numpy_reference
from tests.explain.on_backend import ALL_METHODS
from tests.explain.zoo import ZOO

QUICK = ["sequential", "dense head"]
SLOW = [
    "subclassed",
    "model in a model in a model",
    "shared layer",
    "two outputs",
    "augmented",
    "channels first",
]
# all models take minutes for each backend: `make test-backends`
ALL = list(ZOO) if os.environ.get("KERAS_CXR_TEST_BACKENDS") else [*QUICK, *SLOW]
NAMES = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in ALL]
BACKENDS = ["tensorflow", "jax", "torch"]


def needs(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; `make test-backends` installs it")


@pytest.fixture(scope="module")
def explained(request, tmp_path_factory):
    """Function: the results of the models on a backend, found in a process of its own."""
    folder = tmp_path_factory.mktemp("zoo")
    done = {}
    tests = [one for one in request.session.items if one.path == request.path]
    parameters = [one.callspec.params for one in tests if hasattr(one, "callspec")]
    names = sorted({"dense head", *(one["name"] for one in parameters if "name" in one)})

    def run(backend):
        if backend not in done:
            command = [sys.executable, "-m", "tests.explain.on_backend", str(folder), *names]
            environment = {**os.environ, **compile_once(folder / "jax"), "KERAS_BACKEND": backend}
            subprocess.run(command, check=True, env=environment, timeout=1500)
            done[backend] = {
                name: dict(np.load(folder / f"{name}.{backend}.npz")) for name in names
            }
        return done[backend]

    run("tensorflow")  # which draws the weights
    run.folder = folder
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


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [one for one in NAMES if one.values[0] in ALL_METHODS])
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_all_methods_agree_with_tensorflow(explained, backend, name, method):
    needs(backend)
    ours, theirs = (explained(b)[name][f"method {method}"] for b in (backend, "tensorflow"))
    assert_close(ours, theirs, 1e-2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_backends_agree_with_plain_numpy(explained, backend):
    needs(backend)
    found = explained(backend)["dense head"]
    with np.load(explained.folder / "dense head.npz") as stored:
        weights = [stored[f"arr_{number}"] for number in range(len(stored.files))]
    raw_map, scores = numpy_reference.grad_cam(weights, found["images"], [0, 1, 2])
    assert_close(found["scores"], scores, 1e-4)
    assert_close(found["raw_map"], raw_map, 1e-4)


def test_plain_numpy_by_hand():
    """One channel and one unit all along: the map is the picture times the weights after it."""
    one, nothing = np.ones((1, 1, 1, 1)), np.zeros(1)
    picture = np.zeros((1, 8, 8, 1))
    picture[0, :4, :4] = [[[5.0], [1], [0], [0]]] * 4
    # after scaling x / 127.5 - 1 a bias of 1 gives x / 127.5; pooled: 5 and 0, in units of that
    weights = [one * 127.5, np.array([127.5]), one, nothing]
    head = np.zeros((4, 1))
    head[0] = 2.0  # of the pooled 2 x 2 map the upper left place alone is read
    weights += [head, nothing, np.array([[3.0, -1.0]]), nothing]
    raw_map, scores = numpy_reference.grad_cam(weights, picture, [0])
    np.testing.assert_allclose(scores, [[5 * 2 * 3, 5 * 2 * -1]])
    # d score / d map is 2 * 3 at one of 16 places: alpha = 6 / 16
    expected = np.zeros((4, 4))
    expected[:2, 0] = 5 * 6 / 16
    np.testing.assert_allclose(raw_map[0], expected)
