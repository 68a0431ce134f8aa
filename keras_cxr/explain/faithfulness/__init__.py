"""What a heat map is worth, measured beside maps that know nothing of the model."""

from keras_cxr.explain.faithfulness.check import check_faithfulness
from keras_cxr.explain.faithfulness.curves import plot_curves
from keras_cxr.explain.faithfulness.report import Faithfulness

__all__ = ["Faithfulness", "check_faithfulness", "plot_curves"]
