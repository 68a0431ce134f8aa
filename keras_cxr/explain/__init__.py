"""Heat maps: which part of an image raised a class's score."""

from keras_cxr.explain.backends import ScoreGradients
from keras_cxr.explain.engine.explanation import Explanation
from keras_cxr.explain.engine.run import Engine
from keras_cxr.explain.faithfulness import Faithfulness, check_faithfulness, plot_curves
from keras_cxr.explain.faithfulness.comparison import ControlComparison
from keras_cxr.explain.faithfulness.measures import Measure
from keras_cxr.explain.faithfulness.randomization import Randomization
from keras_cxr.explain.methods.cams import GradCAMPlusPlus, HiResCAM, LayerCAM, XGradCAM
from keras_cxr.explain.methods.gradcam import GradCAM
from keras_cxr.explain.methods.layer_method import LayerMethod
from keras_cxr.explain.methods.method import Method
from keras_cxr.explain.methods.occlusion import Occlusion
from keras_cxr.explain.methods.pixels import IntegratedGradients, PixelMethod, Saliency, SmoothGrad
from keras_cxr.explain.pictures.averages import plot_average_heatmaps
from keras_cxr.explain.pictures.overlays import overlay
from keras_cxr.explain.pictures.panels import plot_answers, plot_heatmaps
from keras_cxr.keras_graph.placement import Axis

METHODS: dict[str, type[LayerMethod] | type[PixelMethod]] = {
    method.name: method
    for method in (
        GradCAM,
        GradCAMPlusPlus,
        XGradCAM,
        LayerCAM,
        HiResCAM,
        Saliency,
        SmoothGrad,
        IntegratedGradients,
        Occlusion,
    )
}

__all__ = [
    "METHODS",
    "Axis",
    "ControlComparison",
    "Engine",
    "Explanation",
    "Faithfulness",
    "GradCAM",
    "GradCAMPlusPlus",
    "HiResCAM",
    "IntegratedGradients",
    "LayerCAM",
    "LayerMethod",
    "Measure",
    "Method",
    "Occlusion",
    "PixelMethod",
    "Randomization",
    "Saliency",
    "ScoreGradients",
    "SmoothGrad",
    "XGradCAM",
    "check_faithfulness",
    "overlay",
    "plot_answers",
    "plot_average_heatmaps",
    "plot_curves",
    "plot_heatmaps",
]
