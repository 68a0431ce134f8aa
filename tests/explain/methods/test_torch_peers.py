"""Live comparison with PyTorch's libraries, on the same weights: Keras runs on PyTorch.

`make test-backends` runs it, with `KERAS_BACKEND=torch`.
"""

import keras
import numpy as np
import pytest

if keras.config.backend() != "torch":
    pytest.skip("Keras does not run on PyTorch; see `make test-backends`", allow_module_level=True)

import torch
from keras import layers

from keras_cxr.explain import (
    GradCAM,
    HiResCAM,
    IntegratedGradients,
    LayerCAM,
    Occlusion,
    Saliency,
    XGradCAM,
)

CLASSES = [0, 2, 1, 2]
RAW = {"normalized": False}


def step(layer):
    """A Keras layer as a PyTorch module with hooks, which Keras' own `__call__` goes past."""

    class Step(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(x)

    return Step()


@pytest.fixture(scope="module")
def pair():
    """One classifier of 20 x 24 pixels, channels first, twice: for Keras and for PyTorch."""
    keras.utils.set_random_seed(7)
    first = {"data_format": "channels_first"}
    steps = [
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(5, 3, activation="relu", **first),
        layers.MaxPooling2D(2, **first),
        layers.Conv2D(6, 3, activation="relu", name="last", **first),
        layers.Flatten(),
        layers.Dense(8, activation="tanh"),
        layers.Dense(3),
    ]
    inputs = keras.Input((1, 20, 24))
    x = inputs
    for layer in steps:
        x = layer(x)
    model = keras.Model(inputs, layers.Softmax()(x))
    module = torch.nn.Sequential(*map(step, steps)).eval()
    return model, module, module[3]


@pytest.fixture(scope="module")
def pictures():
    coarse = np.random.default_rng(0).uniform(0, 255, (4, 1, 5, 6))
    return np.kron(coarse, np.ones((4, 4))).astype("float32")


def tensor(pictures):
    return torch.tensor(pictures, device=keras.src.backend.torch.core.get_device())


def assert_same(ours, theirs):
    theirs = np.asarray(theirs.detach().cpu())
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max(), rtol=1e-3)


def test_captum_on_layers(pair, pictures):
    captum = pytest.importorskip("captum.attr", reason="captum is not installed")
    model, module, last = pair
    theirs = captum.LayerGradCam(module, last).attribute(tensor(pictures), CLASSES)
    assert_same(GradCAM(model, "last").explain(pictures, CLASSES).raw_map, theirs[:, 0])
    theirs = captum.LayerGradientXActivation(module, last).attribute(tensor(pictures), CLASSES)
    assert_same(HiResCAM(model, "last").explain(pictures, CLASSES).raw_map, theirs.sum(1))


def test_captum_on_pixels(pair, pictures):
    captum = pytest.importorskip("captum.attr", reason="captum is not installed")
    model, module, _ = pair
    x = tensor(pictures)
    theirs = captum.Saliency(module).attribute(x.requires_grad_(), CLASSES)
    assert_same(Saliency(model).explain(pictures, CLASSES).raw_map, theirs[:, 0])
    theirs, delta = captum.IntegratedGradients(module).attribute(
        x, 10.0, CLASSES, n_steps=20, return_convergence_delta=True
    )
    ours = IntegratedGradients(model, baseline=10.0, num_steps=20).explain(pictures, CLASSES)
    assert_same(ours.raw_map, theirs[:, 0])
    np.testing.assert_allclose(ours.convergence_delta, delta.detach().cpu(), atol=1e-3)
    theirs = captum.Occlusion(module).attribute(
        x, (1, 8, 8), (1, 4, 4), baselines=77.0, target=CLASSES
    )
    ours = Occlusion(model, window=8, stride=4, fill=77.0).explain(pictures, CLASSES)
    assert_same(ours.raw_map, theirs[:, 0])


@pytest.mark.parametrize("method", [GradCAM, XGradCAM, LayerCAM])
def test_torchcam(pair, pictures, method):
    torchcam = pytest.importorskip("torchcam.methods", reason="torchcam is not installed")
    model, module, last = pair
    with getattr(torchcam, method.__name__)(module, last) as extractor:
        scores = module(tensor(pictures).requires_grad_())
        (theirs,) = extractor(CLASSES, scores, **RAW)
    ours = np.maximum(method(model, "last").explain(pictures, CLASSES).raw_map, 0)
    assert_same(ours, theirs)


def test_monai(pair, pictures):
    """Without its default normalizer, which turns hot into cold (MONAI tutorials, issue 1796)."""
    monai = pytest.importorskip("monai.visualize", reason="MONAI is not installed")
    model, module, _ = pair
    peer = monai.GradCAM(
        module, "3", upsampler=lambda size: lambda x: x, postprocessing=lambda x: x
    )
    ours = GradCAM(model, "last").explain(pictures, 2).raw_map
    assert_same(np.maximum(ours, 0), peer(tensor(pictures), class_idx=2)[:, 0])


def test_the_default_layer_and_unlike_images(pair, pictures):
    """The same model with its channels first finds its default layer, with one image or many."""
    model, _, _ = pair
    explain = GradCAM(model)
    assert explain.layer == "last"
    together = explain(pictures, CLASSES)
    assert together.shape == (4, 20, 24)
    np.testing.assert_allclose(explain(pictures[1], 2)[0], together[1], atol=1e-4)
