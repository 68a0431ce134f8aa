import numpy as np
import pytest

from keras_cxr import overlay
from keras_cxr.explain.pictures.overlays import draw_contours


def drawn(heat, levels=(0.5,), grey=100):
    """How far the lines changed a grey picture: (height, width), positive where brighter."""
    picture = np.full((*heat.shape, 3), grey, np.uint8)
    result = draw_contours(picture, np.asarray(heat, np.float32), levels)
    assert (picture == grey).all()  # the picture given stays as it was
    assert (result == result[..., :1]).all()  # black and white alone
    return result[..., 0].astype(int) - grey


def test_line_runs_where_the_heat_crosses_the_level():
    ramp = np.tile(np.linspace(0, 1, 41), (30, 1))
    change = drawn(ramp)
    assert (change.argmax(axis=1) == 20).all()  # 0.5 stands at the middle of 41 columns
    assert (change[:, :17] == 0).all()
    assert (change[:, 24:] == 0).all()
    assert (drawn(ramp, [0.25]).argmax(axis=1) == 10).all()


def test_line_encloses_a_hot_square():
    heat = np.zeros((30, 30))
    heat[10:20, 10:20] = 1
    rows, columns = np.nonzero(abs(drawn(heat)) > 35)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 21, 8, 21)
    assert not drawn(heat)[13:17, 13:17].any()


@pytest.mark.parametrize("value", [0, 1])
def test_flat_map_has_no_line(value):
    assert not drawn(np.full((9, 12), value)).any()


def test_line_that_meets_the_edge_ends_there():
    heat = np.zeros((20, 20))
    heat[:, :8] = 1
    change = drawn(heat)
    assert not change[:, :5].any()
    assert change[:, 6:10].any(axis=1).all()


@pytest.mark.parametrize(("grey", "seen"), [(0, "brighter"), (128, "both"), (255, "darker")])
def test_line_shows_on_any_ground(grey, seen):
    change = drawn(np.tile(np.linspace(0, 1, 41), (30, 1)), grey=grey)
    assert (change.max() > 50) == (seen != "darker")
    assert (change.min() < -40) == (seen != "brighter")


def test_overlay_draws_lines_over_the_colour_or_alone():
    images, heat = np.full((2, 30, 41), 100), np.zeros((2, 30, 41))
    heat[1] = np.linspace(0, 1, 41)
    coloured, lined = overlay(images, heat), overlay(images, heat, contours=(0.5,))
    np.testing.assert_array_equal(coloured[0], lined[0])
    changed = (coloured[1] != lined[1]).any(axis=-1)
    assert changed[:, 19:22].all()
    assert not changed[:, :15].any()
    alone = overlay(images, heat, alpha=0, contours=(0.5,))
    assert (alone[1, :, :15] == 100).all()


@pytest.mark.parametrize("levels", [(0,), (0.5, 1.2), (float("nan"),)])
def test_levels_are_checked(levels):
    with pytest.raises(ValueError, match="contours must be levels above 0 and up to 1; received"):
        overlay(np.zeros((4, 4)), np.zeros((4, 4)), contours=levels)
