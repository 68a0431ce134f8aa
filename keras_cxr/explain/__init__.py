"""Heat maps: which part of an image raised a class's score."""

from keras_cxr.explain.gradcam import Explanation, GradCAM
from keras_cxr.explain.overlay import overlay
from keras_cxr.explain.panels import plot_heatmaps

__all__ = ["Explanation", "GradCAM", "overlay", "plot_heatmaps"]
