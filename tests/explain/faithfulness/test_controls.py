"""Controls: as coarse as the method's maps, ranked without a bias, with the method's own values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_cxr.explain.faithfulness.controls import (
    control_maps,
    order_of,
    pixel_ranks,
    ranks_of,
    with_values_of,
)
from keras_cxr.keras_graph.placement import Axis


def drawn(images, cells=(3, 4), seed=0, **options):
    return control_maps(images, cells, np.random.default_rng(seed), **options)


def test_all_lie_between_zero_and_one():
    images = np.random.default_rng(0).uniform(0, 255, (3, 24, 32, 2)).astype(np.float32)
    found = drawn(images)
    assert list(found) == ["random", "image", "centre", "edges"]
    for maps in found.values():
        assert maps.shape == (3, 24, 32)
        assert maps.dtype == np.float32
        assert maps.min() >= 0
        assert maps.max(axis=(1, 2)) == pytest.approx(1)


def test_random_maps_are_as_coarse_as_the_methods():
    images = np.zeros((2, 24, 32, 1), np.float32)
    random = drawn(images)["random"]
    # between the centres of two cells, 8 pixels apart, a bilinear map is a straight line
    line = random[0, 4, 4:12]
    np.testing.assert_allclose(np.diff(line), np.diff(line)[0], atol=1e-6)
    assert not np.array_equal(random[0], random[1])
    fine = drawn(np.zeros((1, 64, 64, 1), np.float32), cells=(64, 64))["random"][0]
    assert np.abs(np.diff(fine, axis=1)).max() <= 1 / 4 + 1e-6  # 16 cells of 4 pixels at most


def test_random_maps_lie_where_the_cells_do():
    axes = Axis(10, 4, 3), Axis(10, 4, 3)
    random = drawn(np.zeros((1, 30, 30, 1), np.float32), cells=(3, 3), axes=axes)["random"][0]
    assert not random[:4].any()
    assert random[10:19, 10:19].all()


def test_image_centre_and_edges():
    images = np.full((1, 20, 20, 1), 10, np.float32)
    images[0, :, 10:] = 200
    found = drawn(images)
    np.testing.assert_allclose(found["image"][0, 0, [0, 19]], [0.05, 1])
    assert np.unravel_index(found["centre"][0].argmax(), (20, 20)) in {(9, 9), (9, 10), (10, 10)}
    assert found["centre"][0, 10, 4] == pytest.approx(np.exp(-0.5 * (5.5 / 5) ** 2), rel=0.02)
    assert set(found["edges"][0].argmax(axis=1)) <= {9, 10}
    assert found["edges"][0, 10, 2] == 0


def test_equal_pixels_come_in_the_given_order():
    ties = np.array([[3, 0, 2, 1]])
    maps = np.array([[[0.0, 1.0], [0.0, 0.0]]], np.float32)
    np.testing.assert_array_equal(order_of(maps.reshape(1, -1), ties), [[1, 3, 0, 2]])
    np.testing.assert_array_equal(pixel_ranks(maps, ties), [[2, 0, 3, 1]])


@given(
    maps=arrays(np.float32, (2, 3, 4), elements=st.floats(0, 1, width=32)),
    control=arrays(np.float32, (2, 3, 4), elements=st.floats(0, 1, width=32)),
)
def test_a_control_gets_the_methods_values_in_its_own_order(maps, control):
    ties = np.tile(np.arange(12), (2, 1))
    ranks = pixel_ranks(control, ties)
    np.testing.assert_array_equal(ranks_of(ranks), order_of(control.reshape(2, -1), ties))
    found = with_values_of(maps, ranks)
    for one, other, order in zip(found, maps, ranks_of(ranks), strict=True):
        np.testing.assert_array_equal(np.sort(one, None), np.sort(other, None))
        assert (np.diff(one.ravel()[order]) <= 0).all()
    np.testing.assert_array_equal(with_values_of(maps, pixel_ranks(maps, ties)), maps)
