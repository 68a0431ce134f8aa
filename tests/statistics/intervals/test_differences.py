import numpy as np
import pytest
from scipy.stats import bootstrap

from keras_cxr.statistics.intervals.differences import paired_differences
from keras_cxr.statistics.intervals.limits import bonett_price_limits


def test_differences_by_hand_and_their_methods():
    rng = np.random.default_rng(0)
    support = np.ones((200, 1))
    first, second = (rng.random(200) < chance for chance in (0.9, 0.6))
    hits = np.stack([first, second, first], axis=1)[:, :, np.newaxis].astype(float)
    found = paired_differences(hits, support, num_resamples=1000)
    assert list(found) == [(0, 1), (0, 2), (1, 2)]
    apart, balanced = found[0, 1]
    assert apart.value == pytest.approx(first.mean() - second.mean())
    assert apart.method == "bca"
    expected = bootstrap((first * 1.0 - second,), np.mean, n_resamples=4000, method="BCa", rng=1)
    assert apart.interval == pytest.approx(tuple(expected.confidence_interval), abs=0.02)
    assert balanced.interval == pytest.approx(apart.interval)  # of one class
    assert found[1, 2][0].value == -apart.value
    alike = found[0, 2][0]
    assert alike.method == "bonett price"
    assert alike.interval == bonett_price_limits(0, 0, 200)
