import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from keras_cxr.evaluation import bootstrap_intervals, compute_metrics
from keras_cxr.evaluation.metrics import wilson_interval
from keras_cxr.evaluation.resampling import group_codes, resample, wilson_limits
from tests.evaluation.answers import drawn_answers, one_hot_answers, patients


def test_patients_are_covered_as_often_as_promised_and_images_too_rarely():
    rng = np.random.default_rng(0)
    rounds, truth = 120, 0.8
    covered = {"images": 0, "patients": 0}
    for _ in range(rounds):
        groups, right = patients(rng, 60, images=5, accuracy=truth, similarity=0.7)
        labels = rng.integers(0, 2, len(groups))
        scores = one_hot_answers(labels, right)
        for name, given_groups in (("images", None), ("patients", groups)):
            found = bootstrap_intervals(labels, scores, groups=given_groups, num_resamples=200)
            covered[name] += found.accuracy.low <= truth <= found.accuracy.high
    assert covered["images"] / rounds < 0.8
    assert 0.9 < covered["patients"] / rounds < 0.99


def test_copies_in_a_group_change_nothing_and_outside_of_one_feign_certainty():
    labels, scores = drawn_answers(np.random.default_rng(1), 200)
    twice, scores_twice = np.tile(labels, 3), np.tile(scores, (3, 1))
    groups = np.tile([f"photograph {i}" for i in range(200)], 3)
    once = bootstrap_intervals(labels, scores, num_resamples=300)
    grouped = bootstrap_intervals(twice, scores_twice, groups=groups, num_resamples=300)
    alone = bootstrap_intervals(twice, scores_twice, num_resamples=300)
    assert grouped.num_groups == once.num_groups == 200
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        first, second, third = (getattr(found, name) for found in (once, grouped, alone))
        assert second.interval == pytest.approx(first.interval)
        assert third.high - third.low < 0.75 * (first.high - first.low)


@st.composite
def small_sets(draw):
    seed, count = draw(st.integers(0, 2**16)), draw(st.integers(1, 40))
    rng = np.random.default_rng(seed)
    labels, scores = drawn_answers(rng, count, classes=draw(st.integers(2, 4)))
    return labels, scores, rng.integers(0, draw(st.integers(1, 20)), count)


@settings(max_examples=25)
@given(small_sets())
def test_every_interval_holds_its_value_and_has_a_width(case):
    labels, scores, groups = case
    found = bootstrap_intervals(labels, scores, groups=groups, num_resamples=100)
    metrics = compute_metrics(labels, scores)
    assert found.accuracy.value == pytest.approx(metrics.accuracy)
    assert found.balanced_accuracy.value == pytest.approx(metrics.balanced_accuracy)
    np.testing.assert_allclose([one.value for one in found.recall], metrics.recall)
    ever = np.isin(np.arange(scores.shape[1]), scores.argmax(axis=1))
    np.testing.assert_allclose(
        [one.value for one in found.precision], np.where(ever, metrics.precision, np.nan)
    )
    occurs = metrics.support > 0
    np.testing.assert_allclose(
        np.array([one.value for one in found.f1])[occurs], metrics.f1[occurs]
    )
    assert found.macro_f1.value == pytest.approx(metrics.f1[occurs].mean())
    means = (found.accuracy, found.balanced_accuracy, found.macro_f1)
    for one in (*means, *found.recall, *found.precision, *found.f1):
        if np.isfinite(one.value):
            assert -1e-9 <= one.low <= one.value + 1e-9
            assert one.value - 1e-9 <= one.high <= 1 + 1e-9
            assert one.high - one.low > 0.01
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_small_class_without_errors_gets_wilsons_interval_of_its_groups():
    labels = np.array([0] * 200 + [1] * 8)
    right = np.array([True, False] * 100 + [True] * 8)
    groups = [""] * 200 + ["a", "a", "b", "b", "c", "c", "d", "d"]
    found = bootstrap_intervals(labels, one_hot_answers(labels, right), groups=groups)
    assert (found.recall[0].method, found.recall[1].method) == ("bca", "wilson")
    assert found.recall[1].interval == pytest.approx(wilson_interval(4, 4))
    assert found.balanced_accuracy.method == "square and add"
    assert found.balanced_accuracy.low < 0.6  # far from 0.75: four patients say little
    assert found.num_groups == 204
    assert found.sentences == (
        f"Accuracy is {found.accuracy}, balanced accuracy {found.balanced_accuracy} on 208 test "
        "images in 204 groups.",
        f"The class found least often is 0: recall {found.recall[0]}.",
    )


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


def test_names_of_groups_may_be_anything_and_empty_ones_stand_alone():
    codes = group_codes(["a", "", None, "a", float("nan"), ""], 6)
    assert codes[0] == codes[3]
    assert len(set(codes)) == 5
    assert group_codes([7, 7, 0], 3).tolist() == [0, 0, 1]
    assert group_codes(None, 3).tolist() == [0, 1, 2]


def test_same_seed_same_limits():
    labels, scores = drawn_answers(np.random.default_rng(0), 100)
    first, again, other = (
        bootstrap_intervals(labels, scores, num_resamples=100, seed=seed) for seed in (1, 1, 2)
    )
    assert first.accuracy == again.accuracy
    assert first.accuracy != other.accuracy


def test_reads_well():
    labels, scores = drawn_answers(np.random.default_rng(0), 100, classes=2)
    found = bootstrap_intervals(labels, scores, class_names=("Normal", "COVID"))
    for word in ("100 images in 100 groups", "macro F1", "Normal", str(found.f1[1])):
        assert word in str(found)
    row = found.per_class.loc["COVID"]
    assert (row["recall"], row["recall_low"]) == (found.recall[1].value, found.recall[1].low)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": ["a"]}, "groups has 1 entries for 2 images"),
        ({"class_names": ["a"]}, "class_names has 1 names, the probabilities have 2"),
        ({"num_resamples": 10}, "at least 100, not 10"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals([0, 1], [[0.9, 0.1], [0.2, 0.8]], **options)
