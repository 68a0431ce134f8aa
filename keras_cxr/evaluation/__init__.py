"""What a model answers: metrics with intervals, tables and plots."""

from keras_cxr.evaluation.evaluate import Evaluation, evaluate
from keras_cxr.evaluation.metrics import Metrics, compute_metrics
from keras_cxr.evaluation.plots import plot_confusion_matrix, plot_history, plot_predictions

__all__ = [
    "Evaluation",
    "Metrics",
    "compute_metrics",
    "evaluate",
    "plot_confusion_matrix",
    "plot_history",
    "plot_predictions",
]
