import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from keras_cxr.explain import plot_answers, plot_average_heatmaps, plot_heatmaps


def shown(axes):
    return axes.images[0].get_array()


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def test_panel_shows_each_image_above_its_map_with_a_bar():
    images = np.full((3, 8, 8, 1), 100.0)
    maps = np.zeros((3, 8, 8), "float32")
    maps[0, 2, 3] = maps[2] = 1
    figure = plot_heatmaps(images, maps, ["a", "b", "c"], title="Maps")
    assert titles(figure) == ["a", "b", "c", "", "no positive evidence", "", ""]
    changed = (shown(figure.axes[0]) != shown(figure.axes[3])).any(axis=-1)
    assert np.argwhere(changed).tolist() == [[2, 3]]
    bar = figure.axes[-1]
    assert bar.get_ylim() == (0, 1)
    assert bar.get_ylabel() == "heat, share of the image's own maximum"
    FigureCanvasAgg(figure).draw()


def test_outlines_are_drawn_over_both_rows():
    images, maps = np.full((2, 8, 8, 1), 100.0), np.zeros((2, 8, 8))
    masks = np.zeros((2, 8, 8), bool)
    masks[1, 2:5, 3:6] = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an empty mask has no outline, which is no fault
        figure = plot_heatmaps(images, maps, ["a", "b"], outlines=masks)
        FigureCanvasAgg(figure).draw()
    drawn = [
        sum(len(path.vertices) for c in axes.collections for path in c.get_paths())
        for axes in figure.axes[:4]
    ]
    assert drawn[0] == drawn[2] == 0
    assert drawn[1] == drawn[3] > 0


def test_contours_reach_the_lower_row_alone():
    images, maps = np.full((1, 30, 30), 100), np.zeros((1, 30, 30))
    maps[0, 10:20, 10:20] = 1
    upper, lower, _ = plot_heatmaps(images, maps, ["a"], contours=(0.5,)).axes
    assert (shown(upper) == 100).all()
    assert (shown(lower)[9, 12:18] != 100).all()  # the line, outside the heat


def test_one_image_stands_beside_its_map():
    figure = plot_heatmaps(np.zeros((1, 8, 8)), np.zeros((1, 8, 8)), ["a"])
    FigureCanvasAgg(figure).draw()
    left, right, _ = figure.axes
    assert left.get_position().x1 < right.get_position().x0


def test_counts_must_agree():
    with pytest.raises(ValueError, match=r"as many heat maps \(1\) and captions \(2\)"):
        plot_heatmaps(np.zeros((2, 8, 8)), np.zeros((1, 8, 8)), ["a", "b"])


def test_answers_stand_in_a_row_for_each_class_right_ones_left():
    values = [10, 20, 30, 40]
    images = np.stack([np.full((8, 8), value) for value in values])
    maps = np.zeros((4, 8, 8))
    maps[1:, 4, 4] = 1
    figure = plot_answers(
        images,
        maps,
        ["a", "b", "c", "d"],
        real=["Normal", "COVID", "Normal", "Normal"],
        right=[True, False, False, True],
        title="Answers",
    )
    parts = figure.subfigs
    assert [part.get_suptitle() for part in parts] == [
        "Normal: right answers",
        "Normal: wrong answers",
        "COVID: right answers: none",
        "COVID: wrong answers",
    ]
    upper = [[int(shown(axes)[0, 0, 0]) for axes in part.axes[:2] if axes.images] for part in parts]
    assert upper == [[10, 40], [30], [], [20]]
    assert titles(parts[0]) == ["a", "d", "no positive evidence", ""]
    FigureCanvasAgg(figure).draw()


def test_answers_need_equal_counts():
    with pytest.raises(ValueError, match=r"plot_answers needs as many heat maps \(2\)"):
        plot_answers(np.zeros((2, 8, 8)), np.zeros((2, 8, 8)), ["a"], real="ab", right=[1, 1])


def test_averages_leave_empty_maps_out_and_share_one_scale():
    images = np.stack([np.full((8, 8), value) for value in (100, 200, 40)])
    maps = np.zeros((3, 8, 8))
    maps[0, 2, 2] = 1  # the only one of class 0 that is not empty
    maps[2, 5, 5] = 0.5
    names = ["COVID", "Normal", "Viral"]
    figure = plot_average_heatmaps(maps, [0, 0, 2], names, images=images)
    assert titles(figure)[:4] == [
        "COVID\n2 images",
        "Viral\n1 image",
        "1 empty map",
        "0 empty maps",
    ]
    upper, lower = shown(figure.axes[0]), shown(figure.axes[2])
    assert (upper == 150).all()
    assert np.argwhere((upper != lower).any(axis=-1)).tolist() == [[2, 2]]
    assert figure.axes[-1].get_ylim() == (0, 1)  # the largest average of both classes
    FigureCanvasAgg(figure).draw()
    half = plot_average_heatmaps(maps / 2, [0, 0, 2], names, images=images)
    assert half.axes[-1].get_ylim() == (0, 0.5)
    np.testing.assert_array_equal(shown(half.axes[2]), lower)


def test_averages_of_empty_maps_alone():
    figure = plot_average_heatmaps(np.zeros((2, 8, 8)), [0, 0], ["a"], images=np.zeros((2, 8, 8)))
    assert titles(figure)[:2] == ["a\n2 images", "2 empty maps"]
    FigureCanvasAgg(figure).draw()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0], r"as many labels \(1\)"),
        ([0, 2], "integers from 0 to 1"),
        ([-1, 0], "received int64 from -1 to 0"),
        ([0.0, 1.0], "received float64"),
    ],
)
def test_averages_check_their_labels(labels, message):
    zeros = np.zeros((2, 8, 8))
    with pytest.raises(ValueError, match=message):
        plot_average_heatmaps(zeros, labels, ["a", "b"], images=zeros)
