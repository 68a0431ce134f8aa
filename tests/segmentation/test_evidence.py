import cv2
import numpy as np
import pytest

from keras_cxr.segmentation.evidence import keep_two_parts, weigh


def lungs(*boxes, inside=1.0, side=100):
    """A map with rectangles (top, bottom, left, right)."""
    found = np.zeros((side, side), np.float32)
    for top, bottom, left, right in boxes:
        found[top:bottom, left:right] = inside
    return found


TWO = ((20, 80, 10, 40), (20, 80, 60, 90))


def test_two_rectangles_by_hand():
    found = weigh(lungs(*TWO))
    assert tuple(found) == pytest.approx((0.36, 1.0, 1.0, 1.0, 1.0))
    assert found.reason == ""


def test_confidence_by_hand():
    """3,600 pixels at 0.9 and as many outside at 0.1: 3,240 shared of 3,960."""
    found = lungs(*TWO, inside=0.9)
    found[20:80, 40:60] = 0.1
    found[80:100] = 0.1
    found[0:4] = 0.1
    assert weigh(found).confidence == pytest.approx(3240 / 3960)


def test_a_third_part_counts_against_two():
    found = weigh(lungs(*TWO, (85, 95, 10, 50)))
    assert found.two_parts == pytest.approx(0.9)


def test_all_but_two_parts_are_emptied():
    found = lungs(*TWO, (85, 95, 10, 50))
    found[0:5] = 0.4  # not inside: it stays
    expected = lungs(*TWO)
    expected[0:5] = 0.4
    np.testing.assert_array_equal(keep_two_parts(found), expected)
    np.testing.assert_array_equal(keep_two_parts(lungs()), lungs())


def test_solidity_by_hand():
    """An L of 500 pixels and its hull."""
    found = np.zeros((100, 100), np.float32)
    found[10:50, 10:20] = found[50:60, 10:20] = found[50:60, 20:60] = 1
    hull = np.zeros((100, 100), np.uint8)
    points = np.array([[10, 10], [19, 10], [59, 50], [59, 59], [10, 59]])
    cv2.fillConvexPoly(hull, points, 1)
    assert weigh(found).solidity == pytest.approx(found.sum() / hull.sum())


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (lungs(), "lungs would cover 0.0% of the picture, less than"),
        (lungs((0, 10, 0, 10)), "lungs would cover 1.0% of the picture, less than"),
        (lungs((0, 100, 0, 90)), "lungs would cover 90% of the picture, more than"),
        (lungs(*TWO, inside=0.55), "the confidence is 0.55, less than"),
        (
            lungs(*((row, row + 18, left, left + 18) for row in (0, 50) for left in (0, 30, 60))),
            "the two largest parts hold 33% of what was found",
        ),
        (lungs((10, 90, 10, 60)), "the second part is 0% as large as the first, less than 25%"),
        (
            lungs((10, 90, 10, 20), (80, 90, 20, 60), (10, 20, 70, 95), (20, 60, 90, 95)),
            "the parts fill",
        ),
    ],
)
def test_reasons(found, reason):
    assert weigh(found).reason.startswith(reason)
