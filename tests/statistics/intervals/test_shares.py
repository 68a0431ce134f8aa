import numpy as np
import pytest

from keras_cxr.statistics.intervals.estimates import Estimate
from keras_cxr.statistics.intervals.shares import (
    group_likeness,
    mean_interval,
    mean_of_shares,
    mean_where,
    outweighed,
    share_estimates,
)
from tests.statistics.answers import wilson_interval


def test_likeness_is_the_cosine_of_the_groups_sizes():
    among = np.array([[2.0, 2, 0], [2, 2, 0], [0, 0, 4], [0, 2, 0], *[[1.0, 1, 1]] * 40])
    found = group_likeness(among)
    assert np.diag(found) == pytest.approx([1, 1, 1])
    assert found[0, 1] == pytest.approx((4 + 4 + 40) / np.sqrt(48 * 52))
    alone = np.eye(3)[[0, 1, 2, 0]]
    assert group_likeness(alone) == pytest.approx(np.eye(3))


def test_mean_interval_of_one_proportion_is_its_own():
    interval = wilson_interval(8, 10)
    found = mean_interval(np.array([0.8]), np.array([interval]))
    assert found == pytest.approx(interval)


def test_mean_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    counts, recalls = np.array([20, 60, 200]), np.array([0.95, 0.7, 0.85])
    rounds, covered = 1000, 0
    for _ in range(rounds):
        right = rng.binomial(counts, recalls)
        intervals = np.array(
            [wilson_interval(int(k), int(n)) for k, n in zip(right, counts, strict=True)]
        )
        low, high = mean_interval(right / counts, intervals)
        covered += low <= recalls.mean() <= high
    assert 0.93 < covered / rounds < 0.97


def test_shares_of_images_alone_are_wilsons():
    right, among = np.ones((20, 2)), np.ones((20, 2))
    right[:5, 1] = 0
    found = share_estimates(right, among)
    assert [one.value for one in found] == [1, 0.75]
    assert found[0].interval == pytest.approx(wilson_interval(20, 20))
    assert found[1].interval == pytest.approx(wilson_interval(15, 20))
    assert {one.method for one in found} == {"wilson"}


def test_the_method_follows_from_the_groups():
    rng = np.random.default_rng(0)
    among = np.full((60, 1), 5.0)
    right = rng.binomial(5, 0.7, (60, 1)).astype(float)
    assert share_estimates(right, among)[0].method == "bca"
    few = among.copy()
    few[:4] -= 1
    assert share_estimates(few, among)[0].method == "wilson"  # 4 groups hold a wrong answer
    among[0], right[0] = 150, 100
    assert outweighed(among).tolist() == [True]
    assert share_estimates(right, among)[0].method == "wider"


def test_the_mean_of_shares_is_resampled_or_square_and_add():
    among, limits = np.ones((10, 2)), np.array([0.1, 0.9])
    both = [Estimate(0.5, 0.2, 0.8), Estimate(0.5, 0.2, 0.8)]
    assert mean_of_shares(both, among, 0.5, limits) == Estimate(0.5, 0.1, 0.9)
    one = [both[0], Estimate(0.5, 0.2, 0.8, "wilson")]
    found = mean_of_shares(one, np.eye(2).repeat(5, axis=0), 0.5, limits)
    assert found.method == "square and add"
    # independent shares: 0.3 / sqrt(2) to each side, or Wilson's of ten images where that is wider
    reach = max(0.3 / np.sqrt(2), 0.5 - wilson_interval(5, 10)[0])
    assert found.interval == pytest.approx((0.5 - reach, 0.5 + reach))


def test_means_are_of_what_is_known():
    values = np.array([[0.5, np.nan, 1.0], [np.nan] * 3])
    found = mean_where(np.isfinite(values), values)
    assert found[0] == 0.75
    assert np.isnan(found[1])
