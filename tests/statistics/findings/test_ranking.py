"""Areas under curves, beside scikit-learn and beside DeLong's formulas written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from keras_cxr.statistics.findings.ranking import (
    area_under_roc,
    auc_estimate,
    average_precision_estimate,
    variance_of,
)


@st.composite
def samples(draw):
    """Labels and scores of both kinds, with ties, and groups."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    count = draw(st.integers(2, 40))
    labels = np.append([0.0, 1.0], rng.integers(0, 2, count)).astype(float)
    scores = rng.integers(0, draw(st.integers(1, 30)), count + 2) / 7
    return labels, scores, rng.integers(0, draw(st.integers(1, 20)), count + 2)


@given(samples())
def test_values_are_scikit_learns(sample):
    labels, scores, groups = sample
    area = auc_estimate(labels, scores, groups)
    assert area.value == pytest.approx(roc_auc_score(labels, scores))
    precision = average_precision_estimate(labels, scores, groups)
    assert precision.value == pytest.approx(average_precision_score(labels, scores))
    for found in (area, precision):
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.high - found.low > 0


@given(samples())
def test_only_the_order_counts(sample):
    labels, scores, groups = sample
    first, second = (auc_estimate(labels, one, groups) for one in (scores, np.exp(3 * scores)))
    assert first == second
    mixed = np.random.default_rng(0).permutation(len(labels))
    third = auc_estimate(labels[mixed], scores[mixed], groups[mixed])
    assert third.interval == pytest.approx(first.interval)


def test_the_variance_is_delongs():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60).astype(float)
    scores = labels + rng.normal(size=60)
    found = area_under_roc(labels, scores)
    positive, negative = scores[labels == 1], scores[labels == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    delong = sum(wins.mean(axis=axis).var(ddof=1) / wins.shape[1 - axis] for axis in (0, 1))
    assert found.influence.sum() == pytest.approx(0)
    assert variance_of(found.influence, np.arange(60)) == pytest.approx(delong, rel=0.03)


def test_limits_solve_newcombes_equation():
    rng = np.random.default_rng(1)
    labels = np.repeat([0.0, 1.0], [70, 30])
    scores = labels + rng.normal(size=100)
    found = auc_estimate(labels, scores, np.arange(100))
    for theta in found.interval:
        part = (1 - theta) / (2 - theta) + theta / (1 + theta)
        variance = theta * (1 - theta) / (30 * 70) * (1 + 49 * part)
        assert abs(found.value - theta) == pytest.approx(1.959964 * variance**0.5, rel=1e-5)


def covered(rng, rounds, *, patients, images):
    """How often intervals with and without groups hold the true area, 0.8."""
    shift = 2**0.5 * 0.8416212  # of unit normals with an area of 0.8
    held = np.zeros(2)
    for _ in range(rounds):
        labels = np.repeat(rng.integers(0, 2, patients), images).astype(float)
        own = np.repeat(rng.normal(size=patients), images)
        noise = rng.normal(size=patients * images)
        scores = shift * labels + np.sqrt(0.7) * own + np.sqrt(0.3) * noise
        if labels.any() and not labels.all():
            codes = np.repeat(np.arange(patients), images)
            for place, groups in enumerate((codes, np.arange(len(labels)))):
                found = auc_estimate(labels, scores, groups)
                held[place] += found.low <= 0.8 <= found.high
    return held / rounds


def test_intervals_hold_the_truth_as_often_as_promised():
    rng = np.random.default_rng(0)
    with_groups, without = covered(rng, 300, patients=60, images=5)
    assert 0.9 < with_groups < 0.99
    assert without < 0.8
    alone, _ = covered(rng, 300, patients=50, images=1)
    assert 0.9 < alone < 0.99


def test_copies_in_a_group_change_nothing():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 50).astype(float)
    scores = labels + rng.normal(size=50)
    once = auc_estimate(labels, scores, np.arange(50))
    thrice = auc_estimate(np.tile(labels, 3), np.tile(scores, 3), np.tile(np.arange(50), 3))
    assert thrice.value == pytest.approx(once.value)
    assert thrice.interval == pytest.approx(once.interval, abs=0.01)
    perfect = auc_estimate(np.tile(labels, 3), np.tile(labels, 3), np.tile(np.arange(50), 3))
    assert perfect.value == 1
    assert perfect.low == pytest.approx(auc_estimate(labels, labels, np.arange(50)).low, abs=0.01)


def test_what_cannot_be_ranked_has_no_number():
    for labels in (np.zeros(4), np.ones(4)):
        assert np.isnan(auc_estimate(labels, np.arange(4.0), np.arange(4)).value)
    assert average_precision_estimate(np.zeros(4), np.arange(4.0), np.arange(4)).method == "none"
