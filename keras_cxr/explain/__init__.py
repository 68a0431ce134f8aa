"""Heat maps: which part of an image raised a class's score."""

from keras_cxr.explain.gradcam import Explanation, GradCAM
from keras_cxr.explain.overlay import overlay

__all__ = ["Explanation", "GradCAM", "overlay"]
