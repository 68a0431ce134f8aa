"""A trained model with its class names, applied to image files; lung masks of folders."""

from keras_cxr.inference.classifier import Classifier, load_classifier
from keras_cxr.inference.image_files import ImageFiles, find_image_files, list_image_files
from keras_cxr.inference.lung_masks import LungMasks, segment_folder

__all__ = [
    "Classifier", "ImageFiles", "LungMasks", "find_image_files", "list_image_files",
    "load_classifier", "segment_folder",
]  # fmt: skip
