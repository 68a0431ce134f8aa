"""Heat inside masks: small answers by hand."""

import numpy as np
import pytest

from keras_cxr.explain.faithfulness.localization import (
    area_share,
    energy_inside,
    pointing_game,
    widened,
)

MASK = np.zeros((1, 4, 4), bool)
MASK[0, 1, 1:3] = True


def heat(values):
    maps = np.zeros((1, 4, 4), np.float32)
    for place, value in values.items():
        maps[(0, *place)] = value
    return maps


def test_energy_is_the_share_of_the_heat():
    assert energy_inside(heat({(1, 1): 1, (1, 2): 0.5, (3, 3): 0.5}), MASK) == pytest.approx(0.75)
    assert energy_inside(np.ones((1, 4, 4), np.float32), MASK) == area_share(MASK) == 2 / 16


def test_the_hottest_pixel_is_in_or_out():
    assert pointing_game(heat({(1, 1): 1, (0, 0): 0.9}), MASK) == 1
    assert pointing_game(heat({(1, 1): 0.9, (0, 0): 1}), MASK) == 0
    assert pointing_game(heat({(1, 1): 1, (0, 0): 1, (0, 1): 1}), MASK) == pytest.approx(1 / 3)


def test_no_heat_and_no_mask_are_no_answer():
    nothing, none = heat({}), np.zeros((1, 4, 4), bool)
    for measure in (energy_inside, pointing_game):
        assert np.isnan(measure(nothing, MASK)).all()
        assert np.isnan(measure(heat({(1, 1): 1}), none)).all()
    assert np.isnan(area_share(none)).all()


def test_a_tolerance_widens_by_a_disc():
    point = np.zeros((1, 7, 7), bool)
    point[0, 3, 3] = True
    assert widened(point, 0) is point
    assert widened(point, 1).sum() == 5
    assert widened(point, 2).sum() == 13
    assert pointing_game(
        np.eye(7, dtype=np.float32)[None, ::-1] * 0 + widened(point, 1), point
    ) == (pytest.approx(1 / 5))
