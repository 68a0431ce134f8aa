import numpy as np
import pytest

from keras_cxr._support.checks import check_choice, check_image_size, check_integer
from keras_cxr.errors import InvalidArgumentError


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integers_of_any_kind_are_taken(value):
    taken = check_integer("count", value, least=3)
    assert taken == 3
    assert type(taken) is int


@pytest.mark.parametrize("value", [2, 3.0, True, "3", None, [3]])
def test_what_is_no_integer_or_too_small_is_refused(value):
    with pytest.raises(InvalidArgumentError, match=r"^count must be an integer from 3, received"):
        check_integer("count", value, least=3)


def test_choices():
    check_choice("region", "full", ("full", "lungs"))
    with pytest.raises(InvalidArgumentError, match=r"^region must be one of 'full', 'lungs', rec"):
        check_choice("region", ["full"], {"full": 1, "lungs": 2})
    with pytest.raises(InvalidArgumentError, match=r"^part must be one of a, b, received 'c'$"):
        check_choice("part", "c", ("a", "b"), shown=str)


def test_image_sizes():
    assert check_image_size([np.int64(8), 9.0]) == (8, 9)
    for size, problem in (
        (224, r"must be \(height, width\), received 224"),
        ((1, 2, 3), r"must be \(height, width\)"),
        ("ab", r"must be \(height, width\)"),
        ((0, 5), "must be positive"),
    ):
        with pytest.raises(InvalidArgumentError, match=problem):
            check_image_size(size)
