import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from keras_cxr.explain import plot_heatmaps


def test_panel_shows_each_image_above_its_map():
    images = np.full((3, 8, 8, 1), 100.0)
    maps = np.zeros((3, 8, 8), "float32")
    maps[0, 2, 3] = maps[2] = 1
    figure = plot_heatmaps(images, maps, ["a", "b", "c"], title="Maps")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["a", "b", "c", "", "no evidence for the class", ""]
    upper, lower = figure.axes[0].images[0].get_array(), figure.axes[3].images[0].get_array()
    assert np.argwhere((upper != lower).any(axis=-1)).tolist() == [[2, 3]]
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
        for axes in figure.axes
    ]
    assert drawn[0] == drawn[2] == 0
    assert drawn[1] == drawn[3] > 0


def test_one_image_alone_makes_a_panel():
    figure = plot_heatmaps(np.zeros((1, 8, 8)), np.zeros((1, 8, 8)), ["a"])
    FigureCanvasAgg(figure).draw()


def test_counts_must_agree():
    with pytest.raises(ValueError, match=r"as many heat maps \(1\) and captions \(2\)"):
        plot_heatmaps(np.zeros((2, 8, 8)), np.zeros((1, 8, 8)), ["a", "b"])
