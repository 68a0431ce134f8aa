"""How well a few numbers tell the class, where the answer is known."""

import numpy as np
import pytest

from keras_cxr.audit.of_data.shortcuts.models import FOLDS, frequencies, judge, linear, pose, score

LABELS = np.repeat([0, 1], [60, 40])
EVEN = np.repeat([0, 1], 50)


def test_groups_stay_in_one_fold_and_classes_in_like_shares():
    groups = [f"patient {row // 4}" for row in range(100)]
    problem = pose(LABELS, groups, seed=3)
    folds = problem.folds.reshape(25, 4)
    assert (folds == folds[:, :1]).all()
    for fold in range(FOLDS):
        assert np.bincount(LABELS[problem.folds == fold]).tolist() == [12, 8]
    alone = pose(LABELS, [""] * 100, seed=3)
    assert len(np.unique(alone.groups)) == 100


def test_a_number_that_is_the_class_tells_all_and_noise_tells_nothing():
    problem = pose(EVEN, [""] * 100, seed=0)
    found = judge(linear(0), EVEN[:, None].astype(float), problem, seed=0)
    assert found.accuracy.value == found.balanced_accuracy.value == 1
    noise = np.random.default_rng(0).normal(size=(100, 1))
    found = judge(linear(0), noise, problem, seed=0)
    assert found.balanced_accuracy.low < 0.5 < found.balanced_accuracy.high


def test_a_category_is_judged_by_what_other_folds_hold():
    problem = pose(LABELS, [""] * 100, seed=0)
    found = judge(frequencies(2), 1 - LABELS[:, None], problem, seed=0)
    assert found.balanced_accuracy.value == 1


def test_a_column_that_nobody_knows_is_left_out():
    problem = pose(EVEN, [""] * 100, seed=0)
    values = np.column_stack([EVEN.astype(float), np.full(100, np.nan)])
    assert judge(linear(0), values, problem, seed=0).accuracy.value == 1


def test_each_score_gets_the_decision_that_is_best_for_it():
    """0.55 for the class of 60 % is the larger probability, but below its share."""
    problem = pose(LABELS, [""] * 100, seed=0)
    found = score(np.tile([0.55, 0.45], (100, 1)), problem, seed=0)
    assert found.accuracy.value == pytest.approx(0.6)  # class 0 for all
    assert found.balanced_accuracy.value == pytest.approx(0.5)  # class 1 for all
