"""The largest change of a map under small noise, by hand."""

import numpy as np
import pytest

from keras_cxr.explain.faithfulness.sensitivity import max_sensitivity


def sensitivity(images, explainers, *, noise=2.0, draws=5):
    return max_sensitivity(
        {name: explain(images) for name, explain in explainers.items()}, explainers, images,
        noise=noise, draws=draws, rng=np.random.default_rng(0),
    )  # fmt: skip


def test_a_map_that_is_the_picture_changes_by_the_noise_and_a_fixed_one_not_at_all():
    images = np.full((2, 20, 20, 1), 100, np.float32)
    found = sensitivity(
        images,
        {"picture": lambda x: x[..., 0], "fixed": lambda x: np.ones(x.shape[:3], np.float32)},
    )
    np.testing.assert_array_equal(found["fixed"], [0, 0])
    # uniform noise in [-2, 2] has a root mean square of 2 / sqrt(3)
    assert found["picture"] == pytest.approx(2 / 3**0.5 / 100, rel=0.1)


def test_noise_is_cut_off_at_black_and_white():
    images = np.zeros((1, 4, 4, 1), np.float32)
    lowest = []

    def explain(pictures):
        lowest.append(pictures.min())
        return pictures[..., 0] + 1

    sensitivity(images, {"any": explain})
    assert min(lowest) == 0
    sensitivity(images + 255, {"any": lambda x: explain(255 - x)})
    assert min(lowest) == 0


def test_a_map_of_zeros_has_no_relative_change():
    images = np.full((1, 4, 4, 1), 9, np.float32)
    found = sensitivity(images, {"zero": lambda x: np.zeros(x.shape[:3], np.float32)})
    assert np.isnan(found["zero"]).all()


def test_more_draws_find_no_less():
    images = np.full((3, 6, 6, 1), 50, np.float32)
    few, many = (
        sensitivity(images, {"picture": lambda x: x[..., 0]}, draws=draws)["picture"]
        for draws in (1, 8)
    )
    assert (many >= few).all()
