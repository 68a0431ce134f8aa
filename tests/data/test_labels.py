import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.data.labels import check_class_names, class_indices
from keras_cxr.errors import DataError, InvalidArgumentError

NAMES = ("COVID", "Normal", "Other")
FORMS = {
    "indices": lambda labels: labels,
    "list": list,
    "float32": lambda labels: labels.astype("float32"),
    "bytes": lambda labels: labels.astype("uint8"),
    "objects": lambda labels: labels.astype(object),
    "one column": lambda labels: labels[:, np.newaxis],
    "one column of label_mode binary": lambda labels: labels[:, np.newaxis].astype("float32"),
    "one-hot": lambda labels: np.eye(3, dtype="int64")[labels],
    "one-hot of label_mode categorical": lambda labels: np.eye(3, dtype="float32")[labels],
    "names": lambda labels: np.array(NAMES)[labels],
    "names as objects": lambda labels: np.array(NAMES, object)[labels],
    "names as bytes": lambda labels: np.array(NAMES, "S")[labels],
    "one column of names": lambda labels: np.array(NAMES)[labels][:, np.newaxis],
}


@pytest.mark.parametrize("form", FORMS)
@given(labels=st.lists(st.integers(0, 2), min_size=1, max_size=9).map(np.array))
def test_every_form_gives_the_same_indices(form, labels):
    found = class_indices(FORMS[form](labels), class_names=NAMES)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, labels)


REFUSED = {
    "several classes": ([[1, 1, 0], [0, 1, 0]], r"1 of 2 rows are not, such as row 0 with \[1, 1"),
    "no class": ([[0, 0, 0]], "one 1 per row"),
    "soft labels": ([[0.9, 0.1, 0.0]], r"pass labels.argmax\(axis=1\)"),
    "another width": ([[1, 0], [0, 1]], "rows of 2 columns, but there are 3 classes"),
    "fractions": ([0.0, 0.5], "whole class indices from 0, received 0.5 among"),
    "minus and plus one": ([-1, 1, 1], r"received -1 and 1. Pass \(labels > 0\).astype"),
    "one column of minus and plus one": ([[-1.0], [1.0]], "received -1 and 1"),
    "counted from 1": ([1, 2, 3], "they count from 1. Pass labels - 1"),
    "too large": ([0, 7], "0 to 2, received 0 to 7. Number the classes"),
    "negative": ([-2, 0], "received -2 to 0"),
    "not finite": ([0.0, np.inf], "received inf among"),
    "missing": ([0.0, np.nan, np.nan], "received nan among"),
    "missing objects": ([0, None], "received nan among"),
    "other names": (["COVID", "covid"], "labels hold 'covid', the classes are COVID, Normal, Oth"),
    "names and numbers": (np.array(["COVID", 1], object), "labels hold 1, the classes are"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), "received datetime64"),
    "objects": ([object()], "must be class indices or class names, received <object"),
    "ragged": ([[0], [1, 2]], "cannot be made an array"),
    "one number": (1, r"received shape \(\)"),
    "images": (np.zeros((2, 8, 8)), r"received shape \(2, 8, 8\)"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_nothing_is_guessed(form):
    labels, words = REFUSED[form]
    with pytest.raises(DataError, match=words):
        class_indices(labels, class_names=NAMES)


def test_names_need_their_order():
    with pytest.raises(DataError, match=r"'a', the classes are unknown.*class_names= names"):
        class_indices(["a"])
    np.testing.assert_array_equal(class_indices([[0, 1], [1, 0]]), [1, 0])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("ab", "must be a list of names, received 'ab'"),
        (3, "must be a list of names, received 3"),
        ([0, 1], "a text for each class, received 0"),
        (["a", ""], "a text for each class, received ''"),
        (["a", "a"], "holds a name twice: a, a"),
        (["a"], "has 1 names, the model has 2 outputs"),
    ],
)
def test_class_names_are_different_texts(names, words):
    with pytest.raises(InvalidArgumentError, match=words):
        check_class_names(names, 2)
