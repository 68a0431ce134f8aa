"""A trained model with its class names, applied to image files; lung masks of folders."""

from keras_cxr.inference.classifier import Classifier, load_classifier
from keras_cxr.inference.image_files import ImageFiles, find_image_files, list_image_files
from keras_cxr.inference.lung_masks import LungMasks, segment_folder
from keras_cxr.inference.predictions import Predictions
from keras_cxr.inference.preset_files import list_presets, model_from_preset
from keras_cxr.inference.presets import save_preset

__all__ = [
    "Classifier",
    "ImageFiles",
    "LungMasks",
    "Predictions",
    "find_image_files",
    "list_image_files",
    "list_presets",
    "load_classifier",
    "model_from_preset",
    "save_preset",
    "segment_folder",
]
