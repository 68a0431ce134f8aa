"""Random weights take a map of the model apart and leave an edge map as it was; noise."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import layers
from scipy.stats import spearmanr

from keras_cxr.explain import Saliency
from keras_cxr.explain.faithfulness import check_faithfulness
from keras_cxr.explain.faithfulness.controls import edges
from keras_cxr.explain.faithfulness.randomization import (
    Randomization,
    rank_correlation,
    redrawn,
)
from keras_cxr.explain.faithfulness.sensitivity import max_sensitivity
from keras_cxr.keras_graph.walk import leaf_layers
from tests.explain.all_methods import Edges, Given, reader


@pytest.fixture(scope="module")
def seeing():
    """A model that reads a smooth pattern, and eight pictures."""
    across = np.linspace(-1, 1, 24)
    model = reader((np.outer(np.exp(-(across**2) * 4), across) / 500, 0.0))
    return model, np.random.default_rng(0).uniform(0, 255, (8, 24, 24, 1))


def randomized(method, images, **options):
    return check_faithfulness(method, images, 1, steps=2, noise_draws=0, **options)


def test_a_gradient_map_forgets_and_an_edge_map_does_not(seeing):
    model, images = seeing
    gradient = randomized(Saliency(model), images)
    assert gradient.randomization.layers == (model.layers[-1].name,)
    assert gradient.randomization.similarity.shape == (4, 1, 8)
    assert np.abs(gradient.randomization.similarity).max() < 0.2
    assert gradient.sentences[-1].startswith("Randomisation: with all weights drawn anew")
    assert "no more than chance" in gradient.sentences[-1]
    blind = randomized(Edges(model), images)
    np.testing.assert_allclose(blind.randomization.similarity, 1)
    assert "more than chance each time: part of each map is made by image" in blind.sentences[-1]
    assert "no more than chance" not in blind.sentences[-1]


def test_constant_maps_are_counted_and_have_no_correlation(seeing):
    model, images = seeing
    maps = edges(images.astype(np.float32))
    maps[:3] = 0
    maps[3] = 1
    found = randomized(Given(model, maps=maps), images)
    assert np.isnan(found.randomization.similarity[:, :, :4]).all()
    np.testing.assert_allclose(found.randomization.means, 1)
    assert found.randomization.num_constant.tolist() == [16]
    assert "16 of 32 pairs left out" in found.sentences[-1]
    flat = randomized(Given(model, maps=np.ones((8, 24, 24))), images)
    assert "every map is constant" in flat.sentences[-1]
    (stage,) = flat.to_dict()["randomization"]["stages"]
    assert (stage["mean"], stage["num_constant"]) == (None, 32)


def test_the_mean_is_taken_over_draws_that_have_a_map():
    similarity = np.array([[[1.0, np.nan]], [[np.nan, np.nan]], [[0.2, 0.4]]])
    found = Randomization(("dense",), similarity, np.zeros(2))
    np.testing.assert_allclose(found.means, [[1], [np.nan], [0.3]])
    assert found.spread(0) == pytest.approx((0.65, 0.3, 1))
    assert found.num_constant.tolist() == [3]


def test_the_cascade_goes_from_the_output_to_the_input():
    inner = keras.Sequential(
        [keras.Input((12, 12, 1)), layers.Conv2D(2, 3, name="first")], name="inner"
    )
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            *[inner, layers.BatchNormalization(name="norm"), layers.Flatten()],
            *[layers.Dense(3, name=f"dense_{i}") for i in range(6)],
        ]
    )
    names = [name for name, layer in leaf_layers(model) if layer.get_weights()]
    assert names == ["inner/first", "norm", *(f"dense_{i}" for i in range(6))]
    images = np.random.default_rng(0).uniform(0, 255, (2, 12, 12, 1))
    found = randomized(Saliency(model), images).randomization
    assert found.layers[0] == "dense_5"
    assert found.layers[-1] == "inner/first"
    assert len(found.layers) == 5


class Unclonable(layers.Layer):
    """A layer that does not say how to make another."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def test_a_model_that_cannot_be_cloned_still_gets_the_rest():
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), Unclonable(lambda x: x / 255), layers.Flatten(), layers.Dense(2)]
    )
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 1))
    found = randomized(Edges(model), images)
    assert found.randomization is None
    assert "cannot be cloned" in found.sentences[-1]
    assert "randomize=False" in found.randomization_problem
    assert found.estimate("deletion").num_images == 2
    assert found.to_dict()["randomization"] is None


def test_a_model_without_weights_has_nothing_to_forget():
    model = keras.Sequential([keras.Input((2, 1, 1)), layers.Flatten(), layers.Softmax()])
    found = randomized(Edges(model), np.random.default_rng(0).uniform(0, 1, (2, 2, 1, 1)))
    assert "has no weights that could be random" in found.sentences[-1]


def test_weights_of_the_same_size_that_have_learnt_nothing():
    rng = np.random.default_rng(0)
    kernel = rng.normal(3, 1, (40, 50)).astype(np.float32)
    new = redrawn(kernel, rng)
    assert new.dtype == np.float32
    assert abs(np.corrcoef(kernel.ravel(), new.ravel())[0, 1]) < 0.1
    assert np.sqrt((new**2).mean()) == pytest.approx(np.sqrt((kernel**2).mean()), rel=0.1)
    vector = np.arange(20.0)
    assert sorted(redrawn(vector, rng)) == sorted(vector)
    assert redrawn(np.array([3, 4], np.uint32), rng).tolist() == [3, 4]


def test_rank_correlation_by_hand():
    one = np.array([[[1, 2], [3, 4]]], np.float32)
    other = np.array([[[1, 3], [2, 4]]], np.float32)
    assert rank_correlation(one, other) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert np.isnan(rank_correlation(one, np.ones_like(one))).all()


@given(arrays(np.float32, (2, 1, 5, 4), elements=st.integers(0, 6)))
def test_rank_correlation_is_spearmans_with_ties(pair):
    if min(np.ptp(pair[0]), np.ptp(pair[1])) > 0:
        expected = spearmanr(pair[0].ravel(), pair[1].ravel()).statistic
        assert rank_correlation(pair[0], pair[1]) == pytest.approx(expected)


def test_sensitivity_by_hand():
    images = np.full((2, 4, 4, 1), 100, np.float32)
    maps = np.ones((2, 4, 4), np.float32)
    maps[1] = 0
    seen = []

    def count(noisy):
        seen.append(noisy)
        return maps * (1 + len(seen))  # 2, 3, 4 times the map

    explainers = {
        "steady": lambda noisy: maps,
        "gone": lambda noisy: maps * 0,
        "growing": count,
    }
    found = max_sensitivity(
        dict.fromkeys(explainers, maps), explainers, images,
        noise=5, draws=3, rng=np.random.default_rng(0),
    )  # fmt: skip
    np.testing.assert_allclose(found["steady"], [0, np.nan])
    np.testing.assert_allclose(found["gone"], [1, np.nan])
    np.testing.assert_allclose(found["growing"], [3, np.nan])
    noise = np.abs(np.stack(seen) - images)
    assert 4 < noise.max() <= 5


def test_noise_stays_a_picture():
    images = np.array([0, 255], np.float32).reshape(1, 1, 2, 1)
    seen = []
    explainers = {"any": lambda noisy: seen.append(noisy) or noisy[..., 0]}
    max_sensitivity(
        {"any": images[..., 0]}, explainers, images,
        noise=50, draws=5, rng=np.random.default_rng(0),
    )  # fmt: skip
    assert min(picture.min() for picture in seen) == 0
    assert max(picture.max() for picture in seen) == 255
