import numpy as np
import pytest
from scipy.stats import bootstrap

from keras_cxr.statistics.intervals.limits import (
    bca_limits,
    bonett_price_limits,
    expanded_limits,
    wilson_limits,
)
from keras_cxr.statistics.intervals.resampling import resample
from tests.statistics.answers import wilson_interval


def test_limits_are_those_of_scipy():
    values = np.random.default_rng(3).exponential(size=80)
    sums = resample(np.column_stack([values, np.ones(80)]), num_resamples=4000)
    _, limits = sums.estimate(lambda x: x[..., :1] / x[..., 1:])
    expected = bootstrap((values,), np.mean, n_resamples=4000, method="BCa", rng=4)
    np.testing.assert_allclose(limits[0], expected.confidence_interval, atol=0.02)


def test_wilson_of_whole_numbers_is_wilson():
    shares = wilson_limits(np.array([0.8, 0.0, 1.0]), np.array([10, 5, 7]))
    expected = [wilson_interval(8, 10), wilson_interval(0, 5), wilson_interval(7, 7)]
    np.testing.assert_allclose(shares, expected, atol=1e-12)


def test_wilson_interval_of_a_textbook_case():
    # 8 of 10: Newcombe 1998, method 3, gives 0.4902 to 0.9433
    assert tuple(wilson_limits(np.array(0.8), np.array(10))) == pytest.approx(
        (0.4902, 0.9433), abs=1e-4
    )


def test_expanded_percentiles_of_normal_means_are_students():
    # means of n = 5 with a known spread s: percentiles reach as far as Student's t with 4 degrees
    draws = np.random.default_rng(0).normal(size=(200_000, 1)) * np.sqrt(4 / 5)
    low, high = expanded_limits(draws, 5, 0.95)[0]
    assert (low, high) == pytest.approx((-2.776, 2.776), abs=0.1)


def test_bonett_and_price_by_hand():
    # of 50 pairs, 12 and 2 are discordant: d = 10 / 52, (13 + 3) / 52 - d^2 = 0.27071
    d = 10 / 52
    half = 1.959964 * np.sqrt((16 / 52 - d**2) / 52)
    assert bonett_price_limits(12, 2, 50) == pytest.approx((d - half, d + half), abs=1e-6)
    low, high = bonett_price_limits(0, 0, 10)
    assert low == -high < 0
    assert bonett_price_limits(10, 0, 10)[1] == 1


def test_what_cannot_be_computed_has_no_limits():
    value, draws, without = np.ones(2), np.ones((100, 2)), np.ones((5, 2))
    draws[3, 1] = np.nan
    limits = bca_limits(value, draws, without)
    assert limits[0].tolist() == [1, 1]
    assert np.isnan(limits[1]).all()
