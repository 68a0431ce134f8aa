import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from keras_cxr.evaluation import bootstrap_intervals, compute_metrics
from tests.statistics.answers import one_hot_answers, patients, wilson_interval


@st.composite
def answers(draw):
    """Labels and probabilities of 1 to 30 images and 2 to 5 classes."""
    classes = draw(st.integers(2, 5))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=30))
    seed = draw(st.integers(0, 2**16))
    scores = np.random.default_rng(seed).dirichlet(np.ones(classes), size=len(labels))
    return np.array(labels), scores


def test_hand_computed_case():
    labels = [0, 0, 1, 1, 1, 2]
    scores = [
        [0.7, 0.2, 0.1],
        [0.2, 0.7, 0.1],
        [0.1, 0.8, 0.1],
        [0.1, 0.8, 0.1],
        [0.1, 0.1, 0.8],
        [0.0, 0.5, 0.5 + 1e-9],
    ]
    found = compute_metrics(labels, scores)
    assert found.confusion.tolist() == [[1, 1, 0], [0, 2, 1], [0, 0, 1]]
    np.testing.assert_allclose(
        found.confusion_percent, [[50, 50, 0], [0, 200 / 3, 100 / 3], [0, 0, 100]]
    )
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.balanced_accuracy == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    np.testing.assert_allclose(found.precision, [1, 2 / 3, 1 / 2])
    np.testing.assert_allclose(found.recall, [1 / 2, 2 / 3, 1])
    assert found.support.tolist() == [2, 3, 1]
    # class 0: both of its images score above all others but one tie-free pair of eight
    assert found.roc_auc[0] == 1
    expected = -np.mean(np.log([0.7, 0.2, 0.8, 0.8, 0.1, 0.5]))
    assert found.log_loss == pytest.approx(expected, rel=1e-6)


@settings(max_examples=40)
@given(answers())
def test_agrees_with_scikit_learn_and_brackets_itself(case):
    labels, scores = case
    found = compute_metrics(labels, scores)
    predicted = scores.argmax(axis=1)
    assert found.accuracy == pytest.approx(accuracy_score(labels, predicted))
    recalls = found.recall[found.support > 0]
    assert found.balanced_accuracy == pytest.approx(recalls.mean())
    if len(set(labels)) > 1 and set(predicted) <= set(labels):  # scikit-learn warns otherwise
        assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))
    for value, (low, high) in [
        (found.accuracy, found.accuracy_interval),
        (found.balanced_accuracy, found.balanced_accuracy_interval),
    ]:
        assert -1e-9 <= low <= value <= high <= 1 + 1e-9
        assert low < high
    assert found.confusion.sum() == len(labels)


@settings(max_examples=25)
@given(answers(), st.randoms(use_true_random=False))
def test_order_of_images_does_not_matter(case, random):
    labels, scores = case
    order = random.sample(range(len(labels)), len(labels))
    first, second = compute_metrics(labels, scores), compute_metrics(labels[order], scores[order])
    np.testing.assert_array_equal(first.confusion, second.confusion)
    np.testing.assert_allclose(first.roc_auc, second.roc_auc)
    assert first.log_loss == pytest.approx(second.log_loss)


def test_absent_class_is_not_a_number_and_does_not_count():
    found = compute_metrics([0, 0], [[0.9, 0.1], [0.8, 0.2]])
    assert found.balanced_accuracy == 1
    assert np.isnan(found.recall[1])
    assert np.isnan(found.roc_auc).all()
    assert np.isnan(found.confusion_percent[1]).all()


def test_a_class_that_was_never_predicted_has_no_precision():
    found = compute_metrics([0, 1, 2, 2], np.eye(4)[[0, 0, 2, 2]])
    np.testing.assert_array_equal(found.precision, [0.5, np.nan, 1, np.nan])
    # class 1 occurs and was never found: 0; class 3 neither occurs nor was predicted
    np.testing.assert_array_equal(found.f1, [2 / 3, 0, 1, np.nan])
    of_groups = [one.value for one in found.intervals.precision]
    np.testing.assert_array_equal(of_groups, found.precision)
    np.testing.assert_allclose([one.value for one in found.intervals.f1], found.f1)


def test_intervals_count_the_groups():
    rng = np.random.default_rng(0)
    groups, right = patients(rng, 60, images=5, accuracy=0.8, similarity=0.7)
    labels = rng.integers(0, 2, len(groups))
    scores = one_hot_answers(labels, right)
    alone, grouped = compute_metrics(labels, scores), compute_metrics(labels, scores, groups=groups)
    assert alone.accuracy_interval == pytest.approx(wilson_interval(int(right.sum()), 300))
    assert np.ptp(grouped.accuracy_interval) > 1.3 * np.ptp(alone.accuracy_interval)
    assert (
        grouped.accuracy_interval
        == bootstrap_intervals(labels, scores, groups=groups).accuracy.interval
    )
    np.testing.assert_array_equal(grouped.confusion, alone.confusion)


def test_one_class_alone():
    found = compute_metrics([0, 0], [[1.0], [1.0]])
    assert (found.accuracy, found.log_loss) == (1, 0)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([], np.zeros((0, 2)), "at least one image"),
        ([0], [[0.5, 0.5], [0.5, 0.5]], "Expected labels of shape"),
        ([2], [[0.5, 0.5]], "whole numbers from 0 to 1"),
        ([-1], [[0.5, 0.5]], "whole numbers from 0 to 1"),
        ([0.0], [[0.5, 0.5]], "whole numbers from 0 to 1"),
        ([0], [[np.nan, 0.5]], "NaN or infinite"),
        ([0], [[3.0, -2.0]], "Logits and independent"),
        ([0], [[0.9, 0.9]], "Logits and independent"),
    ],
)
def test_impossible_input_is_refused(labels, scores, message):
    with pytest.raises(ValueError, match=message):
        compute_metrics(labels, scores)
