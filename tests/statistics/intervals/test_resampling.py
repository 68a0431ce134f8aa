import numpy as np
import pytest

from keras_cxr.statistics.intervals.resampling import group_codes, group_sums, resample


def test_names_of_groups_may_be_anything_and_empty_ones_stand_alone():
    codes = group_codes(["a", "", None, "a", float("nan"), ""], 6)
    assert codes[0] == codes[3]
    assert len(set(codes)) == 5
    assert group_codes([7, 7, 0], 3).tolist() == [0, 0, 1]
    assert group_codes(None, 3).tolist() == [0, 1, 2]


def test_sums_of_groups_by_hand():
    codes = group_codes(["b", "a", "b", ""], 4)
    assert group_sums([[1, 10], [2, 20], [3, 30], [4, 40]], codes).tolist() == [
        [4, 40],
        [2, 20],
        [4, 40],
    ]


def test_whole_groups_are_drawn_as_many_as_there_are():
    totals = np.column_stack([np.arange(5.0), np.ones(5)])
    sums = resample(totals, num_resamples=500, seed=3)
    assert sums.whole.tolist() == [10, 5]
    assert set(sums.resampled[:, 1]) == {5}
    assert sums.resampled[:, 0].mean() == pytest.approx(10, abs=0.5)
    np.testing.assert_array_equal(sums.without_one[:, 0], 10 - np.arange(5))
    again = resample(totals[:, :1], num_resamples=500, seed=3)
    np.testing.assert_array_equal(again.resampled[:, 0], sums.resampled[:, 0])


@pytest.mark.parametrize("number", [99, 100.0, True])
def test_too_few_resamples_are_refused(number):
    with pytest.raises(ValueError, match="num_resamples must be an integer from 100"):
        resample(np.ones((3, 1)), num_resamples=number)
