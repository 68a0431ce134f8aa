import numpy as np
import pytest

from keras_cxr.statistics.above_chance import kept_above_chance

LABELS = np.tile([0, 1], 100)


def answers(right):
    """Predicted classes of which so many of 200 are right, as many of each class."""
    return np.where(np.arange(200) < right, LABELS, 1 - LABELS)


def test_shares_by_hand():
    assert kept_above_chance(LABELS, answers(180), answers(140)).value == pytest.approx(0.5)
    assert kept_above_chance(LABELS, answers(180), answers(100)).value == pytest.approx(0)
    same = kept_above_chance(LABELS, answers(180), answers(180))
    assert same.value == 1
    assert same.low < 1 < same.high  # that none differs on 200 images shows no more than that
    assert same.method == "wider"


def test_of_nothing_no_share_is_left():
    found = kept_above_chance(LABELS, answers(102), answers(100))
    assert np.isnan(found.value)
    assert found.method == "none"


def test_classes_that_do_not_occur_change_nothing():
    found = kept_above_chance(LABELS, answers(180), answers(140), seed=1)
    shifted = kept_above_chance(3 * LABELS, 3 * answers(180), 3 * answers(140), seed=1)
    assert shifted == found


def test_copies_count_once():
    once = kept_above_chance(LABELS, answers(180), answers(140))
    copies = [np.repeat(one, 3) for one in (LABELS, answers(180), answers(140))]
    grouped = kept_above_chance(*copies, groups=np.repeat(np.arange(200), 3))
    assert grouped.interval == pytest.approx(once.interval)
