import numpy as np
import pytest
from scipy.stats import betabinom

from keras_cxr.statistics.set_coverage import measure_coverage, needed_images, needed_rank


def test_the_rank_keeps_the_promise_and_needs_enough_images():
    assert [needed_rank(number, 0.9) for number in (8, 9, 19, 99)] == [9, 9, 18, 90]
    assert [needed_images(coverage) for coverage in (0.5, 0.9, 0.95)] == [1, 9, 19]


def test_coverage_by_hand():
    labels = np.repeat([0, 1], [6, 4])
    sets = np.array([[True, False]] * 5 + [[False, True]] + [[True, True]] * 3 + [[False, False]])
    found = measure_coverage(
        sets,
        labels,
        np.arange(10),
        asked=0.8,
        num_calibration=np.array([9, 3]),
        class_names=("a", "b"),
    )
    assert found.coverage.value == pytest.approx(0.8)
    assert found.coverage.method == "exact"
    assert found.sizes.tolist() == [1, 6, 3]
    assert found.mean_size == pytest.approx(1.2)
    assert found.single_accuracy.value == pytest.approx(5 / 6)
    row = found.per_class.loc["a"]
    assert row["coverage"] == pytest.approx(5 / 6)
    # the threshold is the 8th of 9: what 6 images of it are covered is beta-binomial
    expected = betabinom.ppf((0.025, 0.975), 6, 8, 2) / 6
    assert row[["expected_low", "expected_high"]].tolist() == pytest.approx(expected.tolist())
    assert found.per_class["always"].tolist() == [False, True]
    assert found.to_dict()["per_class"]["b"]["calibration_images"] == 3
    assert "Too few validation images to leave b out of any set: 4 of a class" in str(found)


def test_groups_count_once():
    labels, sets = np.zeros(40, int), np.tile([[True, False]], (40, 1))
    sets[::4] = [False, True]
    options = {"asked": 0.9, "num_calibration": np.array([99, 99]), "class_names": ("a", "b")}
    alone = measure_coverage(sets, labels, np.arange(40), **options).coverage
    four = measure_coverage(np.repeat(sets, 4, axis=0), np.repeat(labels, 4),
                            np.repeat(np.arange(40), 4), **options).coverage  # fmt: skip
    assert four.value == alone.value
    assert four.high - four.low > 0.9 * (alone.high - alone.low)
