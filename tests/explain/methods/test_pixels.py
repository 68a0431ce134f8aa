"""The methods that look at the pixels, by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cxr.explain import IntegratedGradients, Occlusion, Saliency, SmoothGrad
from tests.explain import models
from tests.explain.methods.known import PICTURE, known
from tests.explain.models import functional, images


@pytest.mark.parametrize("method", [Saliency, SmoothGrad])
def test_gradients_of_a_known_score(method):
    explain = method(known())
    for class_index, slope in ((0, 2 / 8), (1, 1 / 8)):  # of -1/8 the size is shown
        found = explain.explain(PICTURE, class_index)
        np.testing.assert_allclose(found.raw_map[0], np.full((2, 4), slope), rtol=1e-5)
        np.testing.assert_array_equal(found.heatmap, np.ones((1, 2, 4)))


def test_of_several_channels_saliency_takes_the_largest():
    head = layers.Dense(2)
    model = functional(layers.GlobalAveragePooling2D(), head, shape=(2, 2, 3))
    head.set_weights([np.array([[1, 0], [-8, 0], [4, 0]], "float32"), np.zeros(2)])
    found = Saliency(model).explain(np.zeros((2, 2, 3)), 0)
    np.testing.assert_allclose(found.raw_map, np.full((1, 2, 2), 2.0))
    assert found.layer == "input"


def test_smoothgrad_is_the_mean_over_noisy_copies(small):
    pictures = images(2).astype("float32")
    explain = SmoothGrad(small, num_samples=3, noise_level=0.2, seed=4)
    generator = np.random.default_rng(4)
    spread = np.ptp(pictures, axis=(1, 2, 3), keepdims=True)
    total = 0
    tape = models.tf.GradientTape
    for _ in range(3):
        noise = generator.standard_normal(pictures.shape[1:], np.float32)
        x = models.tf.constant(pictures + np.float32(0.2) * spread * noise)
        with tape() as watching:
            watching.watch(x)
            hidden = x
            for layer in small.layers[1:-1]:
                hidden = layer(hidden)
            score = models.logits_of(small.layers[-1])(hidden)[:, 1]
        total = total + watching.gradient(score, x).numpy()
    expected = np.abs(total / 3)[..., 0]
    found = explain.explain(pictures, 1).raw_map
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(explain(pictures[1], 1)[0], explain(pictures, 1)[1], atol=1e-4)
    still = SmoothGrad(small, num_samples=2, noise_level=0)
    np.testing.assert_allclose(still(pictures, 1), Saliency(small)(pictures, 1), atol=1e-5)


def test_integrated_gradients_of_a_known_score():
    explain = IntegratedGradients(known(), baseline=1.0, num_steps=2)
    found = explain.explain(PICTURE, 0)
    np.testing.assert_allclose(found.raw_map[0], (PICTURE - 1) / 4, atol=1e-6)
    np.testing.assert_allclose(found.heatmap[0], np.maximum(PICTURE - 1, 0) / 7, atol=1e-6)
    np.testing.assert_allclose(found.convergence_delta, [0], atol=1e-5)


def test_integrated_gradients_are_exact_for_a_square():
    """The attribution of the score x^2 is x^2, which one gradient in the middle finds too."""
    model = functional(layers.Lambda(keras.ops.square), layers.Flatten(), shape=(2, 2, 1))
    picture = np.array([[1.0, 2.0], [3.0, 5.0]], "float32")
    found = IntegratedGradients(model, num_steps=3).explain(picture, 3)
    np.testing.assert_allclose(found.raw_map, [[[0, 0], [0, 25]]], rtol=1e-5)
    np.testing.assert_allclose(found.convergence_delta, [0], atol=1e-4)


def test_more_steps_come_nearer_to_completeness(small):
    rough, fine = (
        np.abs(IntegratedGradients(small, num_steps=steps).explain(images(), 1).convergence_delta)
        for steps in (2, 64)
    )
    scores = Saliency(small).explain(np.stack([*images(), np.zeros((24, 24, 1))])).scores[:, 1]
    rise = np.abs(scores[:-1] - scores[-1])
    assert rough.max() > 0.02 * rise.max()
    assert (fine < 0.02 * rise + 1e-3).all()


def test_a_baseline_may_be_an_image(small):
    pictures = images(3).astype("float32")
    explain = IntegratedGradients(small, baseline=pictures[0], num_steps=4)
    found = explain.explain(pictures, 1)
    assert not found.raw_map[0].any()
    assert found.no_positive_evidence.tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"images' shape \(24, 24, 1\); received \(2, 2, 1\)"):
        IntegratedGradients(small, baseline=np.zeros((2, 2, 1)))(pictures)


@pytest.mark.parametrize(
    ("make_bad", "message"),
    [
        (lambda m: Saliency(m, "conv_b"), "Saliency looks at the pixels: it takes no layer"),
        (lambda m: Occlusion(m, window=8, stride=9), "stride must be from 1 to window"),
        (lambda m: Occlusion(m, window=8, stride=0), "stride must be an integer from 1"),
        (lambda m: SmoothGrad(m, num_samples=0), "num_samples must be an integer from 1"),
        (lambda m: SmoothGrad(m, noise_level=-0.1), "noise_level must be a number from 0"),
        (lambda m: IntegratedGradients(m, num_steps=0), "num_steps must be an integer from 1"),
        (lambda m: IntegratedGradients(m, baseline=[1, 2]), r"received shape \(2,\)"),
        (lambda m: IntegratedGradients(m, baseline=np.nan), "without NaN"),
    ],
)
def test_bad_settings(small, make_bad, message):
    with pytest.raises(ValueError, match=message):
        make_bad(small)
