import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.evaluation import bootstrap_intervals, compute_metrics
from keras_cxr.statistics.intervals.bootstrap import accuracy_estimates
from tests.statistics.answers import drawn_answers, one_hot_answers, patients, wilson_interval


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
    photographs = np.array([f"photograph {i}" for i in range(200)])
    once, grouped = (
        bootstrap_intervals(
            np.tile(labels, copies),
            np.tile(scores, (copies, 1)),
            groups=np.tile(photographs, copies),
            num_resamples=300,
        )
        for copies in (2, 6)
    )
    alone = bootstrap_intervals(np.tile(labels, 6), np.tile(scores, (6, 1)))
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
    np.testing.assert_allclose([one.value for one in found.precision], metrics.precision)
    np.testing.assert_allclose([one.value for one in found.f1], metrics.f1)
    occurs = metrics.support > 0
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
    assert not found.outweighed
    assert found.balanced_accuracy.method == "square and add"
    assert found.balanced_accuracy.low < 0.6  # far from 0.75: four patients say little
    assert found.num_groups == 204
    assert found.sentences == (
        f"Accuracy is {found.accuracy}, balanced accuracy {found.balanced_accuracy} on 208 test "
        "images in 204 groups.",
        f"The class found least often is 0: recall {found.recall[0]}.",
    )


def test_images_alone_get_wilsons_interval_and_nothing_is_drawn():
    labels, scores = drawn_answers(np.random.default_rng(0), 100)
    found = bootstrap_intervals(labels, scores)
    right = int((scores.argmax(axis=1) == labels).sum())
    assert found.accuracy.interval == pytest.approx(wilson_interval(right, 100))
    assert {one.method for one in (*found.recall, *found.precision, *found.f1)} == {"wilson"}
    assert bootstrap_intervals(labels, scores, seed=1).macro_f1 == found.macro_f1


def test_one_large_group_widens_the_intervals_and_is_named():
    labels = np.arange(90) % 2
    right = np.r_[np.arange(60) % 5 > 0, np.ones(30, bool)]
    groups = ["" for _ in range(60)] + ["ward"] * 30
    found = bootstrap_intervals(labels, one_hot_answers(labels, right), groups=groups)
    # (90 images)^2 / (60 + 30^2) are worth 8.4 groups: the ward could as well be all wrong
    assert found.accuracy.high - found.accuracy.low > 0.35
    assert found.largest_group == pytest.approx(1 / 3)
    assert "The largest of 61 groups holds 33% of the images" in found.sentences[-1]
    assert found.to_dict()["largest_group"] == pytest.approx(1 / 3)
    alone = bootstrap_intervals(labels, one_hot_answers(labels, right))
    assert alone.caution == ""


def test_classes_that_share_patients_have_no_independent_recalls():
    """30 patients with images of four classes: taken as independent they cover 0.86 of 0.95."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        groups, right = patients(rng, 30, images=8, accuracy=0.9, similarity=0.6)
        labels = np.tile(np.arange(4), 60)
        found = bootstrap_intervals(
            labels, one_hot_answers(labels, right, 4), groups=groups, num_resamples=200
        )
        covered += found.balanced_accuracy.low <= 0.9 <= found.balanced_accuracy.high
    assert covered > 90


def test_accuracy_estimates_are_those_of_the_intervals():
    labels, scores = drawn_answers(np.random.default_rng(5), 200)
    for groups in (None, np.arange(200) // 3):
        found = bootstrap_intervals(labels, scores, groups=groups)
        accuracy, balanced = accuracy_estimates(labels, scores.argmax(axis=1), groups=groups)
        assert accuracy.interval == pytest.approx(found.accuracy.interval)
        assert balanced.interval == pytest.approx(found.balanced_accuracy.interval)


def test_same_seed_same_limits():
    labels, scores = drawn_answers(np.random.default_rng(0), 100)
    options = {"groups": np.arange(100) // 2, "num_resamples": 100}
    first, again, other = (
        bootstrap_intervals(labels, scores, seed=seed, **options) for seed in (1, 1, 2)
    )
    assert first.accuracy == again.accuracy
    assert first.accuracy != other.accuracy


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": ["a"]}, "groups has 1 entries for 2 images"),
        ({"class_names": ["a"]}, "class_names has 1 names, the probabilities have 2"),
        ({"num_resamples": 10}, "num_resamples must be an integer from 100, received 10"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals([0, 1], [[0.9, 0.1], [0.2, 0.8]], **options)
