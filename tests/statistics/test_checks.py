import numpy as np
import pytest

from keras_cxr.errors import InvalidArgumentError
from keras_cxr.statistics.checks import checked_names, checked_predictions, checked_probabilities


def test_rows_add_up_to_one_exactly():
    half = np.array([[0.501, 0.5], [0.2, 0.799]], np.float16)
    found = checked_probabilities(half)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-15)
    assert found.dtype == np.float64
    labels, scores = checked_predictions([1, 0], half)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(scores, found)


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [
        ([0], [[0.5, 0.5]] * 2, r"received \(1,\) and \(2, 2\)"),
        ([], np.zeros((0, 2)), "at least one image"),
        ([0.0, 1.0], [[0.5, 0.5]] * 2, "whole numbers from 0 to 1"),
        ([0, 2], [[0.5, 0.5]] * 2, "whole numbers from 0 to 1"),
        ([0, 1], [[0.5, np.nan]] * 2, "NaN or infinite"),
        ([0, 1], [[3.0, -2.0]] * 2, "need a softmax first"),
    ],
)
def test_what_they_cannot_be_is_refused(labels, scores, words):
    with pytest.raises(InvalidArgumentError, match=words):
        checked_predictions(labels, scores)


def test_classes_without_names_are_numbered():
    assert checked_names(None, 3) == ("0", "1", "2")
    assert checked_names(["a", "b"], 2) == ("a", "b")
    with pytest.raises(InvalidArgumentError, match="class_names has 1 names"):
        checked_names(["a"], 2)
