import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.evaluation import apply_temperature, fit_temperature, measure_calibration
from keras_cxr.statistics.calibration.temperature import log_probabilities, smoothed_targets
from tests.statistics.answers import drawn_answers


def test_the_temperature_that_was_put_in_is_found():
    labels, scores = drawn_answers(np.random.default_rng(3), 6000)
    for temperature in (0.5, 1.0, 3.0):
        sharpened = apply_temperature(scores, 1 / temperature)
        assert fit_temperature(labels, sharpened) == pytest.approx(temperature, rel=0.06)


def test_fitted_temperature_mends_what_it_can_and_no_answer_changes():
    labels, scores = drawn_answers(np.random.default_rng(4), 1000)
    too_sure = apply_temperature(scores, 0.4)
    temperature = fit_temperature(labels[:500], too_sure[:500])
    mended = apply_temperature(too_sure[500:], temperature)
    before, after = (
        measure_calibration(labels[500:], one, num_resamples=100)
        for one in (too_sure[500:], mended)
    )
    assert before.ece > before.ece_limit
    assert after.ece < after.ece_limit
    assert after.log_loss.value < before.log_loss.value
    np.testing.assert_array_equal(mended.argmax(axis=1), too_sure[500:].argmax(axis=1))


@settings(max_examples=50)
@given(st.integers(0, 2**16), st.floats(0.1, 10), st.floats(0.1, 10))
def test_temperatures_multiply_and_one_changes_nothing(seed, first, second):
    _, scores = drawn_answers(np.random.default_rng(seed), 20, spread=3)
    np.testing.assert_allclose(apply_temperature(scores, 1), scores)
    found = apply_temperature(apply_temperature(scores, first), second)
    assert found.sum(axis=1) == pytest.approx(np.ones(20))
    if first > 0.5:  # else the first rounds to 0
        np.testing.assert_allclose(found, apply_temperature(scores, first * second), atol=1e-6)


def test_a_perfect_validation_part_does_not_ask_for_certainty():
    labels = np.array([0, 1] * 10)
    scores = np.where(np.eye(2)[labels] > 0, 0.7, 0.3)
    confidence = apply_temperature(scores, fit_temperature(labels, scores)).max(axis=1)
    # Laplace's rule of succession: 21 of 22
    assert confidence == pytest.approx(np.full(20, 21 / 22), abs=1e-3)


def test_certain_and_wrong_answers_have_a_temperature():
    labels, scores = np.array([0, 1] * 10), np.eye(2)[[0, 1] * 9 + [1, 0]]
    temperature = fit_temperature(labels, scores)
    assert np.isfinite(apply_temperature(scores, temperature)).all()
    assert fit_temperature([0, 0], [[1.0], [1.0]]) == 1


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_impossible_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be a number above 0"):
        apply_temperature([[0.5, 0.5]], temperature)


def test_targets_are_platts():
    found = smoothed_targets(np.array([0, 2]), 3)
    np.testing.assert_allclose(found, [[0.75, 0.125, 0.125], [0.125, 0.125, 0.75]])
    assert np.isfinite(log_probabilities(np.zeros((1, 2)))).all()


def test_two_answers_by_hand():
    # with targets 1 - 1 / (n + 2) and a share r of right answers, the best confidence is their mean
    labels = np.repeat([0, 1], [60, 40])
    temperature = fit_temperature(labels, [[0.95, 0.05]] * 100)
    target = 0.6 * (1 - 1 / 102) + 0.4 / 102
    assert apply_temperature([[0.95, 0.05]], temperature)[0, 0] == pytest.approx(target, abs=1e-3)
