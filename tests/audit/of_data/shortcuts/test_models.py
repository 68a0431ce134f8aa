"""What a few numbers tell of the class, cross-validated by groups."""

import numpy as np
import pytest

from keras_cxr.audit.of_data.shortcuts.models import FOLDS, boosted_trees, frequencies, judge, pose


def test_groups_stay_in_one_fold_and_classes_in_like_shares():
    labels = np.array([0, 1] * 50)
    groups = ["", ""] * 30 + [f"p{number // 4}" for number in range(40)]
    problem = pose(labels, groups, 0)
    assert sorted(set(problem.folds)) == list(range(FOLDS))
    for group in set(groups) - {""}:
        rows = [row for row, name in enumerate(groups) if name == group]
        assert len(set(problem.folds[rows])) == len(set(problem.groups[rows])) == 1
    assert len(set(problem.groups)) == 60 + 10
    alone = pose(labels, [""] * 100, 0)
    counts = [np.bincount(labels[alone.folds == fold]) for fold in range(FOLDS)]
    assert [count.tolist() for count in counts] == [[10, 10]] * FOLDS


@pytest.mark.parametrize("told", [True, False])
def test_what_tells_the_class_reaches_one_and_what_does_not_reaches_chance(told):
    labels = np.random.default_rng(0).permutation(np.array([0, 1] * 60))
    values = labels if told else np.random.default_rng(1).permutation(labels)
    problem = pose(labels, [""] * len(labels), 0)
    for model in (boosted_trees(0), frequencies(2)):
        reach = judge(model, values[:, None].astype(float), problem, seed=0)
        assert reach.accuracy.low <= reach.accuracy.value <= reach.accuracy.high
        if told:
            assert reach.balanced_accuracy.value == 1
        else:
            assert reach.balanced_accuracy.low < 0.5


def test_a_column_that_nobody_knows_is_passed_over():
    labels = np.array([0, 1] * 30)
    values = np.column_stack([labels, np.full(60, np.nan)]).astype(float)
    reach = judge(boosted_trees(0), values, pose(labels, [""] * 60, 0), seed=0)
    assert reach.accuracy.value == 1
