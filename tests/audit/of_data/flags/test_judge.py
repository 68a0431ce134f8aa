"""From scores to confidences, by hand."""

import numpy as np
import pytest

from keras_cxr.audit.of_data.flags.judge import PRIOR, _posterior, _turned


def column(*values):
    return np.array(values, float)[:, None]


def test_midway_between_the_usual_and_the_strange_the_prior_decides():
    usual, strange = column(-1, 0, 1), column(9, 10, 11)
    low, middle, high = _posterior(column(0, 5, 10), usual, strange)
    assert middle == pytest.approx(PRIOR, rel=0.05)
    assert low < 1e-3
    assert high > 0.5
    # the same distance on both sides of the middle changes the odds by the same factor
    odds = [value / (1 - value) for value in (low, middle, high)]
    assert odds[1] / odds[0] == pytest.approx(odds[2] / odds[1], rel=0.05)


def test_confidences_rise_with_the_score_and_are_held_back_where_asked():
    usual, strange = column(*np.linspace(-1, 1, 30)), column(*np.linspace(3, 5, 30))
    scores = column(*np.linspace(-2, 8, 20))
    loose, held = (_posterior(scores, usual, strange, penalty=one) for one in (100.0, 0.01))
    for found in (loose, held):
        assert (np.diff(found) > 0).all()
        assert ((found > 0) & (found < 1)).all()
    assert held[-1] < loose[-1]


def test_turned_is_the_best_of_the_seven_that_are_not_upright():
    odds = np.array([[0.0, -3, 2, -1, -9, -9, -9, 1, 50]])  # the last is the lateral
    np.testing.assert_array_equal(_turned(odds), [[2.0]])
