import numpy as np
import pytest
from scipy.stats import bootstrap, t

from keras_cxr.statistics.intervals.means import mean_estimates, mean_of_few


def test_means_of_groups_have_the_limits_of_scipy():
    values = np.random.default_rng(0).exponential(size=(60, 2))
    found = mean_estimates(values, np.arange(60), num_resamples=4000)
    assert [one.value for one in found] == pytest.approx(values.mean(axis=0))
    for one, column in zip(found, values.T, strict=True):
        expected = bootstrap((column,), np.mean, n_resamples=4000, method="BCa", rng=1)
        assert one.interval == pytest.approx(tuple(expected.confidence_interval), abs=0.03)


def test_copies_of_a_group_tell_no_more_than_one_of_them():
    values = np.random.default_rng(1).normal(size=(40, 1))
    once = mean_estimates(values, np.arange(40))[0]
    copies = mean_estimates(np.repeat(values, 5, axis=0), np.repeat(np.arange(40), 5))[0]
    assert copies.interval == pytest.approx(once.interval)


def test_the_interval_is_about_two_standard_errors():
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = mean_of_few(values, confidence=0.95)
    error = values.std(ddof=1) / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.3 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.3 * error)
    narrow = mean_of_few(values, confidence=0.5, seed=0)
    assert found.low < narrow.low < narrow.high < found.high
    assert mean_of_few(np.full(3, 0.5), confidence=0.95).text(2) == "0.50 [0.50, 0.50]"


def test_missing_values_are_left_out_and_one_has_no_interval():
    found = mean_of_few(np.array([1.0, np.nan, 3.0]), confidence=0.95)
    assert (found.value, found.num_images) == (2, 2)
    one = mean_of_few(np.array([np.nan, 3.0]), confidence=0.95)
    assert one.value == 3
    assert np.isnan([one.low, one.high]).all()
    assert np.isnan(mean_of_few(np.full(2, np.nan), confidence=0.95).value)


def test_the_interval_of_few_is_as_wide_as_students():
    values = np.random.default_rng(2).normal(size=8)
    found = mean_of_few(values)
    expected = 2 * t.ppf(0.975, 7) * values.std(ddof=1) / np.sqrt(8)
    assert found.high - found.low == pytest.approx(expected, rel=0.1)
    assert found.method == "expanded"
