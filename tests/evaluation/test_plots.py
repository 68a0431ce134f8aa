import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from keras_cxr.evaluation import (
    Evaluation,
    apply_temperature,
    compute_metrics,
    measure_calibration,
    measure_selection,
    plot_confusion_matrix,
    plot_history,
    plot_predictions,
    plot_reliability,
    plot_risk_coverage,
)
from tests.statistics.answers import drawn_answers

LABELS, SCORES = drawn_answers(np.random.default_rng(0), 120)


def drawn(figure):
    """The figure's pixels: shows that it can be drawn at all."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_history_draws_one_line_a_curve():
    history = {"loss": [1.0, 0.5], "val_loss": [1.1, 0.7], "accuracy": [0.4, 0.6]}
    figure = plot_history(history, title="A run")
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert [line.get_label() for line in accuracy.lines] == ["training"]
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), [1, 2])
    assert drawn(figure).std() > 0


def test_history_of_nothing_draws_empty_axes():
    assert not plot_history({}).axes[0].lines


def test_confusion_matrix_prints_percent_of_the_real_class():
    metrics = compute_metrics([0, 0, 1], [[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]])
    figure = plot_confusion_matrix(Evaluation(metrics, ("Normal", "Lung_Opacity"), None))
    assert texts(figure.axes[0]) == ["50.0 %\n(1)", "50.0 %\n(1)", "0.0 %\n(0)", "100.0 %\n(1)"]
    drawn(figure)


def test_confusion_matrix_of_a_class_without_images():
    metrics = compute_metrics([0], [[0.9, 0.1]])
    figure = plot_confusion_matrix(Evaluation(metrics, ("a", "b"), None))
    assert texts(figure.axes[0])[2:] == ["none\n(0)", "none\n(0)"]
    drawn(figure)


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 1), (5, 8, 8, 3)])
def test_predictions_grid_marks_wrong_answers(shape):
    images = np.random.default_rng(0).uniform(0, 255, shape)
    figure = plot_predictions(
        images, ["a"] * 5, ["a", "b", "a", "a", "a"], probabilities=[0.5] * 5, title="Answers"
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "✓ a 50%\nreal: a"
    assert titles[1] == "✗ b 50%\nreal: a"
    assert len(figure.axes) == 8
    drawn(figure)


def test_predictions_need_as_many_answers_as_images():
    with pytest.raises(ValueError, match=r"as many real \(1\) and predicted \(2\)"):
        plot_predictions(np.zeros((2, 4, 4)), ["a"], ["a", "b"])


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
