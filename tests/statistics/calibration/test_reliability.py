import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.statistics.calibration.reliability import equal_bins, reliability_table
from tests.statistics.answers import wilson_interval


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.integers(1, 15), st.integers(1, 200))
def test_bins_hold_twenty_groups_or_are_one(values, num_bins, num_groups):
    values = np.array(values)
    groups = np.arange(len(values)) % num_groups
    bins = equal_bins(values, num_bins, groups)
    assert set(bins) == set(range(bins.max() + 1))
    if bins.max() > 0:
        assert min(len(set(groups[bins == number])) for number in set(bins)) >= 20


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.integers(1, 15))
def test_bins_are_ordered_and_keep_equal_values_together(values, num_bins):
    values = np.array(values)
    bins = equal_bins(values, num_bins)
    order = np.argsort(values)
    assert (np.diff(bins[order]) >= 0).all()
    assert set(bins) == set(range(bins.max() + 1))
    for value in set(values):
        assert len(set(bins[values == value])) == 1
    assert bins.max() < max(1, min(num_bins, len(values) // 20))


def test_a_table_by_hand():
    confidence = np.repeat([0.6, 0.9], 40)
    right = (np.arange(80) % 4 > 0).astype(float)
    bins, alone = equal_bins(confidence, 15), np.arange(80)
    found = reliability_table(confidence, right, bins, alone, num_resamples=100, seed=0)
    assert found["images"].tolist() == [40, 40]
    assert found["confidence"].tolist() == pytest.approx([0.6, 0.9])
    assert found["accuracy"].tolist() == [0.75, 0.75]
    limits = found[["accuracy_low", "accuracy_high"]].to_numpy()
    np.testing.assert_allclose(limits, [wilson_interval(30, 40)] * 2)
