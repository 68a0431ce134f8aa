"""Differences between areas, beside a bootstrap by patient."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.findings.comparison import compare_findings


@pytest.fixture
def films():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(100), 3)
    labels = np.repeat(rng.integers(0, 2, (100, 1)), 3, axis=0).astype(float)
    own = np.repeat(rng.normal(size=(100, 1)), 3, axis=0)
    good = 1.5 * labels + own + 0.5 * rng.normal(size=labels.shape)
    worse = 1.0 * labels + own + 0.5 * rng.normal(size=labels.shape)
    return labels, good, worse, patients


def test_the_interval_is_that_of_resampled_patients(films):
    labels, good, worse, patients = films
    (found,) = compare_findings(labels, {"worse": worse, "good": good}, groups=patients)
    assert (found.model, found.other) == ("good", "worse")
    assert found.difference.value == pytest.approx(
        roc_auc_score(labels, good) - roc_auc_score(labels, worse)
    )
    rng, drawn = np.random.default_rng(1), []
    for _ in range(400):
        rows = (3 * rng.integers(0, 100, 100)[:, None] + np.arange(3)).ravel()
        drawn.append(
            roc_auc_score(labels[rows], good[rows]) - roc_auc_score(labels[rows], worse[rows])
        )
    error = (found.difference.high - found.difference.low) / (2 * 1.96)
    assert error == pytest.approx(np.std(drawn), rel=0.15)
    (alone,) = compare_findings(labels, {"worse": worse, "good": good})
    assert alone.difference.high - alone.difference.low < 3.9 * error  # images feign certainty


def test_equal_models_differ_by_chance_alone():
    rng = np.random.default_rng(2)
    p = []
    for _ in range(200):
        labels = np.append([0.0, 1.0], rng.integers(0, 2, 60))[:, None]
        one, other = (labels + rng.normal(size=labels.shape) for _ in range(2))
        p.append(compare_findings(labels, {"one": one, "other": other})[0].p)
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.1
    same = compare_findings(labels, {"one": one, "other": one})[0]
    assert (same.p, same.difference.value) == (1.0, 0.0)


def test_findings_and_pairs_are_corrected_together_and_unknown_ones_left_out(films):
    labels, good, worse, patients = films
    both = np.hstack([labels, np.zeros_like(labels), labels])
    both[:5, 2] = np.nan
    scores = {name: np.hstack([one] * 3) for name, one in (("a", good), ("b", worse))}
    names = ("Effusion", "Hernia", "Nodule")
    found = compare_findings(both, scores, finding_names=names, groups=patients)
    assert [one.finding for one in found] == ["Effusion", "Nodule"]
    assert min(one.holm_p for one in found) == pytest.approx(2 * min(one.p for one in found))


def test_two_perfect_images_prove_little():
    found = compare_findings([[0], [1]], {"guess": [[0.5], [0.5]], "right": [[0.1], [0.9]]})[0]
    assert found.difference.value == 0.5
    assert found.p > 0.05
    with pytest.raises(InvalidArgumentError, match="needs two models, received 1"):
        compare_findings([[0], [1]], {"one": [[0.1], [0.9]]})
