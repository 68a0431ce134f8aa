"""Operating points, beside a search through all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.findings.operating_points import choose_operating_points

RULES = ["youden", "f1", ("f", 2.0), ("sensitivity", 0.9), ("specificity", 0.8)]


def worth(rule, labels, called):
    sensitivity, specificity = called[labels == 1].mean(), 1 - called[labels == 0].mean()
    if rule == "youden":
        return sensitivity + specificity - 1
    if rule[0] == "sensitivity":
        return specificity if sensitivity >= rule[1] - 1e-12 else -1
    if rule[0] == "specificity":
        return sensitivity if specificity >= rule[1] - 1e-12 else -1
    beta = 1.0 if rule == "f1" else rule[1]
    return fbeta_score(labels, called, beta=beta, zero_division=0)


@pytest.mark.parametrize("rule", RULES, ids=str)
@given(seed=st.integers(0, 2**16), count=st.integers(2, 30), values=st.integers(1, 20))
def test_no_point_is_better(rule, seed, count, values):
    rng = np.random.default_rng(seed)
    labels = np.append([0, 1], rng.integers(0, 2, count))
    scores = rng.integers(0, values, count + 2) / values
    (point,) = choose_operating_points(labels[:, None], scores[:, None], rule=rule)
    reached = worth(rule, labels, scores >= point)
    others = [*np.unique(scores), scores.max() + 1]
    assert reached == pytest.approx(max(worth(rule, labels, scores >= one) for one in others))


def test_findings_are_chosen_one_by_one_and_unknown_labels_say_nothing():
    labels = np.array([[0, 1, 1], [0, 1, np.nan], [1, 1, 0], [1, 1, 0.0]])
    scores = np.array([[0.1, 0.1, 0.9], [0.4, 0.2, 0.5], [0.6, 0.3, 0.2], [0.9, 0.4, 0.1]])
    found = choose_operating_points(labels, scores)
    np.testing.assert_allclose(found, [0.5, np.nan, 0.55])
    labels[1, 2], scores[1, 2] = np.nan, 0.3
    assert choose_operating_points(labels, scores)[2] == pytest.approx(0.55)


@pytest.mark.parametrize(
    "rule", ["Youden", "f", ("f", 0), ("sensitivity", 1.5), ("youden", 1), ("f", "2"), ("f",)]
)
def test_unknown_rules_are_refused(rule):
    with pytest.raises(InvalidArgumentError, match='rule must be "youden", "f1"'):
        choose_operating_points([[0], [1]], [[0.1], [0.2]], rule=rule)
