"""Lungs on films that have no masks: a small U-Net with weights in the package."""

from keras_cxr.segmentation.segmenter import Lungs, LungSegmenter, segment_lungs
from keras_cxr.segmentation.unet import build_lung_unet

__all__ = ["LungSegmenter", "Lungs", "build_lung_unet", "segment_lungs"]
