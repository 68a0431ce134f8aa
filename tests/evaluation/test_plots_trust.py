import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from keras_cxr.evaluation import (
    apply_temperature,
    measure_calibration,
    measure_selection,
    plot_reliability,
    plot_risk_coverage,
)
from tests.statistics.answers import drawn_answers

LABELS, SCORES = drawn_answers(np.random.default_rng(0), 120)


def drawn(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def test_reliability_draws_each_bin_where_it_is():
    before = measure_calibration(LABELS, SCORES, num_resamples=100)
    after = measure_calibration(LABELS, apply_temperature(SCORES, 2), num_resamples=100)
    figure = plot_reliability({"before": before, "after": after}, title="Two")
    assert [axes.get_title() for axes in figure.axes] == ["before", "after"]
    for axes, calibration in zip(figure.axes, (before, after), strict=True):
        dots = axes.containers[0].lines[0]  # of the error bars
        np.testing.assert_allclose(dots.get_xdata(), calibration.bins["confidence"])
        np.testing.assert_allclose(dots.get_ydata(), calibration.bins["accuracy"])
        assert f"ECE {calibration.ece:.3f}" in axes.texts[0].get_text()
    assert drawn(figure).std() > 0
    assert len(plot_reliability(before).axes) == 1


def test_reliability_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one Calibration"):
        plot_reliability({})


@pytest.mark.parametrize("threshold", [0.5, 1.0])
def test_risk_is_drawn_over_coverage_with_the_threshold(threshold):
    selection = measure_selection(LABELS, SCORES, threshold=threshold, num_resamples=100)
    axes = plot_risk_coverage(selection, title="Risk").axes[0]
    model = next(line for line in axes.lines if line.get_label() == "this model")
    np.testing.assert_allclose(model.get_ydata(), selection.risks)
    assert len(axes.containers) == (selection.answered.value > 0)
    assert drawn(axes.figure).std() > 0
