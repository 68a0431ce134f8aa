"""What tells how a picture is laid out: exposure does not count, orientation does."""

import numpy as np
import pytest

from keras_cxr.audit.of_data.flags.features import ORIENTATIONS, SIDE, describe, oriented, small


@pytest.fixture(scope="module")
def picture():
    """Brighter to the right, a bright square at the top left."""
    image = np.tile(np.linspace(40, 160, SIDE), (SIDE, 1))
    image[6:26, 6:26] += 60
    return np.uint8(image)


def test_every_orientation_once_the_upright_positive_first(picture):
    assert len(set(ORIENTATIONS)) == 8
    assert ORIENTATIONS[0] == (0, False)
    ways = [oriented(picture[None], one)[0] for one in ORIENTATIONS]
    np.testing.assert_array_equal(ways[0], picture)
    np.testing.assert_array_equal(ways[1], np.rot90(picture))
    np.testing.assert_array_equal(ways[4], 255 - picture)
    assert len({way.tobytes() for way in ways}) == 8


def test_exposure_does_not_count(picture):
    one, other = describe([picture, np.uint8(picture // 2 + 30)])
    assert one.shape == (448,)
    assert np.corrcoef(one, other)[0, 1] > 0.999
    assert np.abs(one[:256].mean()) < 1e-5


def test_a_negative_has_opposite_greys_and_the_same_edges(picture):
    one, other = describe([picture, 255 - picture])
    np.testing.assert_allclose(one[:256], -other[:256], atol=1e-4)
    np.testing.assert_allclose(one[256:], other[256:], atol=1e-3)


def test_edges_say_which_way_they_run():
    stripes = np.uint8(np.tile(np.where(np.arange(SIDE) % 16 < 8, 60, 200), (SIDE, 1)))
    upright, lying = describe([stripes, stripes.T])
    across, doubled, skew = (upright[256:].reshape(8, 8, 3)[..., place] for place in range(3))
    assert across.mean() == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(doubled, across, atol=0.05)  # all of it runs across
    np.testing.assert_allclose(skew, 0, atol=0.05)
    np.testing.assert_allclose(lying[256:].reshape(8, 8, 3)[..., 1], -doubled.T, atol=0.05)


def test_small_pictures_are_64_pixels_of_whole_greys():
    found = small(np.full((100, 50), 77.4, np.float32))
    assert found.shape == (SIDE, SIDE)
    assert found.dtype == np.uint8
    assert (found == 77).all()
