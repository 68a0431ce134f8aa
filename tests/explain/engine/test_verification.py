"""Scores are only taken for scores where the model's own output is made of them."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import expit, softmax

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.explain.engine.verification import find_activation, own_output, tolerance_of
from keras_cxr.keras_graph.replay import Replay

SAMPLE = np.random.default_rng(0).uniform(0, 255, (3, 4, 4, 1)).astype("float32")


def scores_of(images):
    mean = images.mean((1, 2, 3)) / 50
    return np.stack([mean, 1 - mean, 0.3 * mean], axis=1).astype("float32")


class Undeclared(keras.Model):
    """A model whose code, not its graph, says what it ends in."""

    def __init__(self, rate=0.0):
        super().__init__()
        self.rate, self.dense = rate, layers.Dense(3)

    def call(self, images):
        flat = keras.ops.reshape(images, (-1, 16))
        if self.rate:
            noise = keras.random.uniform(keras.ops.shape(flat), seed=self.seed)
            flat = flat * noise
        return self.dense(flat)


def replay_of(model):
    model(SAMPLE)
    return Replay(model, None, None)


def found(replay, expected, scores_of=scores_of, tolerance=1e-3):
    return find_activation(
        replay,
        scores_of(SAMPLE),
        expected,
        sample=SAMPLE,
        scores_of=scores_of,
        tolerance=tolerance,
    )


def test_the_activation_is_the_one_that_makes_the_output():
    replay, scores = replay_of(Undeclared()), scores_of(SAMPLE)
    assert found(replay, scores) == "linear"
    assert found(replay, softmax(scores, axis=1)) == "softmax"
    assert found(replay, expit(scores)) == "sigmoid"
    assert found(replay, np.log(softmax(scores, axis=1))) == "log_softmax"


def test_what_is_made_of_other_scores_is_refused():
    replay = replay_of(Undeclared())
    with pytest.raises(InvalidArgumentError, match="its output is no linear or softmax or"):
        found(replay, softmax(2 * scores_of(SAMPLE), axis=1))


def test_probabilities_never_pass_for_scores():
    replay = replay_of(Undeclared())
    probabilities = lambda images: softmax(scores_of(images), axis=1)  # noqa: E731
    with pytest.raises(InvalidArgumentError, match="cannot be explained"):
        found(replay, probabilities(SAMPLE), scores_of=probabilities)


def test_tolerances_follow_the_coarsest_precision():
    exact, coarse = layers.Dense(1), layers.Dense(1, dtype="mixed_bfloat16")
    assert tolerance_of([exact]) == 1e-3
    assert tolerance_of([exact, coarse]) == 6e-2
    assert tolerance_of([keras.ops]) == 1e-3  # an operation does not say


def test_the_output_is_that_of_predict():
    model = Undeclared()
    np.testing.assert_allclose(
        own_output(replay_of(model), SAMPLE, 1e-3), model.predict(SAMPLE, verbose=0), rtol=1e-5
    )


def test_a_model_whose_code_draws_at_random_is_refused():
    model = Undeclared(rate=0.5)
    model.seed = keras.random.SeedGenerator(0)
    replay = replay_of(model)
    with pytest.raises(InvalidArgumentError, match="answers anew at each call"):
        own_output(replay, SAMPLE, 1e-3)
