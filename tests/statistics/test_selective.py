import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cxr.evaluation import choose_threshold, measure_selection
from tests.statistics.answers import drawn_answers


def test_curve_by_hand():
    labels = np.zeros(4, int)
    scores = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]]  # right, wrong, right, wrong
    found = measure_selection(labels, scores, threshold=0.65)
    assert found.coverages.tolist() == [0.25, 0.5, 0.75, 1]
    assert found.risks == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert found.aurc_at_best == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert found.aurc_of_chance == 0.5
    assert found.answered.value == 0.75
    assert found.accuracy.value == pytest.approx(2 / 3)
    assert found.accuracy_of_rest.value == 0
    assert found.accuracy_of_all.value == 0.5
    assert found.per_class["images"].tolist() == [4, 0]


def test_equal_confidences_come_in_no_order():
    scores = np.array([[0.8, 0.2]] * 10)
    first, second = (
        measure_selection(labels, scores, threshold=0.5)
        for labels in ([0] * 5 + [1] * 5, [1, 0] * 5)
    )
    np.testing.assert_allclose(first.risks, second.risks)
    assert first.aurc == pytest.approx(0.5)


@settings(max_examples=30)
@given(st.integers(0, 2**16), st.floats(0.05, 1))
def test_threshold_answers_the_share_that_was_asked(seed, coverage):
    labels, scores = drawn_answers(np.random.default_rng(seed), 80)
    threshold = choose_threshold(scores, coverage=coverage)
    found = measure_selection(labels, scores, threshold=threshold, num_resamples=100)
    assert found.answered.value == pytest.approx(max(round(coverage * 80), 1) / 80)
    assert found.aurc_at_best <= found.aurc + 1e-12
    assert found.risks[-1] == pytest.approx(1 - found.accuracy_of_all.value)
    kept = scores.max(axis=1) >= threshold - 1e-12  # rows add up to 1 but for the last bit
    right = scores.argmax(axis=1) == labels
    assert found.accuracy.value == pytest.approx(right[kept].mean())
    json.dumps(found.to_dict(), allow_nan=False)


def test_confidence_helps_where_answers_are_calibrated():
    labels, scores = drawn_answers(np.random.default_rng(0), 2000)
    threshold = choose_threshold(scores[:1000], coverage=0.7)
    groups = np.repeat(np.arange(500), 2)
    found = measure_selection(labels[1000:], scores[1000:], threshold=threshold, groups=groups)
    assert found.answered.value == pytest.approx(0.7, abs=0.06)
    assert found.accuracy.low > found.accuracy_of_rest.high
    assert found.aurc_at_best < found.aurc < found.aurc_of_chance
    assert found.num_groups == 500
    whole, classes = found.sentences
    assert f"is right in {found.accuracy} of those, against {found.accuracy_of_all}" in whole
    assert classes.startswith("It answers least often for ")
    assert "area under risk and coverage" in str(found)
    assert len(found.to_dict()["curve"]) == 100


def test_nothing_answered_is_no_accuracy():
    found = measure_selection([0, 1], [[0.6, 0.4], [0.4, 0.6]], threshold=0.9)
    assert found.answered.value == 0
    assert np.isnan(found.accuracy.value)
    assert found.to_dict()["accuracy"]["value"] is None


def test_impossible_input_is_refused():
    for coverage in (0, 1.1, 90):
        with pytest.raises(ValueError, match="coverage must lie above 0 and up to 1"):
            choose_threshold([[0.5, 0.5]], coverage=coverage)
    with pytest.raises(ValueError, match=r"at least one image, received \(0, 2\)"):
        choose_threshold(np.zeros((0, 2)))
