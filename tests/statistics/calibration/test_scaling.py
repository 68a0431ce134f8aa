import json

import numpy as np
import pytest

from keras_cxr.evaluation import (
    Scaling,
    apply_temperature,
    fit_scaling,
    fit_temperature,
    measure_calibration,
)
from keras_cxr.statistics.calibration.scaling import as_scaling
from tests.statistics.answers import drawn_answers


def test_the_scaling_that_was_put_in_is_found():
    labels, scores = drawn_answers(np.random.default_rng(5), 6000)
    truth = Scaling(2.0, (1.0, -1.0, 0.5, -0.5))
    undone = Scaling(0.5, tuple(-2 * offset for offset in truth.offsets))  # truth after undone
    given_scores = Scaling(0.5, tuple(-offset / 0.5 for offset in truth.offsets)).apply(scores)
    assert undone.apply(scores) == pytest.approx(given_scores)
    assert truth.apply(given_scores) == pytest.approx(scores, abs=1e-6)
    found = fit_scaling(labels, given_scores)
    assert found.temperature == pytest.approx(2, rel=0.06)
    assert found.offsets == pytest.approx(truth.offsets, abs=0.12)


def test_class_weights_need_offsets_and_a_temperature_does_not_do():
    """A model that was taught that all classes are equally frequent, where they are not."""
    rng = np.random.default_rng(6)
    labels, scores = drawn_answers(rng, 4000)
    kept = rng.random(4000) < np.array([1, 0.3, 0.1, 0.05])[labels]
    labels, scores = labels[kept], scores[kept]
    half = len(labels) // 2
    temperature = fit_temperature(labels[:half], scores[:half])
    scaling = fit_scaling(labels[:half], scores[:half])
    labels, scores = labels[half:], scores[half:]
    cold, mended = (
        measure_calibration(labels, one, num_resamples=100)
        for one in (apply_temperature(scores, temperature), scaling.apply(scores))
    )
    assert cold.per_class["ece"].max() > 0.1
    assert cold.per_class["excess"].abs().max() > 0.1
    assert mended.ece < mended.ece_limit
    assert mended.per_class["excess"].abs().max() < 0.05
    assert mended.log_loss.high < cold.log_loss.low
    assert "temperature" in str(scaling)
    assert Scaling(**json.loads(json.dumps(scaling.to_dict()))).apply(scores) == pytest.approx(
        scaling.apply(scores)
    )


def test_offsets_need_every_class():
    with pytest.raises(ValueError, match="No image of class 1, 2 is among the labels"):
        fit_scaling([0, 0], np.eye(3)[[0, 0]])
    with pytest.raises(ValueError, match=r"shape \(images, 2\), received \(1, 3\)"):
        Scaling(1.0, (0.5, -0.5)).apply([[0.2, 0.3, 0.5]])


def test_offsets_by_hand():
    # answers without any information: the best probabilities are the (smoothed) shares
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    found = fit_scaling(labels, np.full((100, 3), 1 / 3)).apply(np.full((1, 3), 1 / 3))[0]
    smoothing = 1 / 102
    shares = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(
        found, shares * (1 - smoothing) + (1 - shares) * smoothing / 2, atol=1e-3
    )


def test_a_temperature_alone_is_a_scaling_without_offsets():
    scores = np.random.default_rng(0).dirichlet(np.ones(3), 5)
    found = as_scaling(2.0, 3).apply(scores)
    np.testing.assert_allclose(found, apply_temperature(scores, 2.0))
    with pytest.raises(ValueError, match=r"offsets \(0.0, 0.0\) for 3 classes"):
        as_scaling(Scaling(1.0, (0.0, 0.0)), 3)
