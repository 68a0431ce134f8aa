import numpy as np
import pytest

from keras_cxr.statistics.calibration.chance import errors_by_chance, likeness


def test_how_alike_the_images_of_a_group_are_is_found():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(400), 4)
    chances = rng.uniform(0.5, 0.95, (1600, 1))
    own, joint = rng.random((1600, 1)), rng.random((400, 1))[groups]
    for shared, low, high in ((0.0, 0.0, 0.1), (0.5, 0.4, 0.6), (1.0, 0.9, 1.0)):
        joins = rng.random((1600, 1)) < np.sqrt(shared)
        right = np.where(joins, joint, own) < chances
        assert low <= likeness(chances, right, groups)[0] <= high
    assert likeness(chances, own < chances, np.arange(1600)).tolist() == [0]


def test_the_error_by_hand_and_what_chance_makes_of_it():
    # all are 0.8 sure and 0.6 of them right: an error of 0.2; were they calibrated, the distance
    # of a share of n answers from 0.8 is on average about sqrt(2 / pi) sqrt(0.8 * 0.2 / n)
    count = 1000
    right = (np.arange(count) % 5 < 3).astype(float)[:, None]
    bins = [np.zeros(count, np.int64)]
    error, chance = errors_by_chance(
        np.full((count, 1), 0.8), right, bins, np.arange(count), seed=0
    )
    assert error == pytest.approx([0.2])
    assert chance.mean() == pytest.approx(np.sqrt(2 / np.pi * 0.16 / count), rel=0.1)
    pairs = errors_by_chance(
        np.full((count, 1), 0.8),
        np.repeat(right[::2], 2, axis=0),
        bins,
        np.arange(count) // 2,
        seed=0,
    )[1]
    assert pairs.mean() == pytest.approx(np.sqrt(2) * chance.mean(), rel=0.1)
