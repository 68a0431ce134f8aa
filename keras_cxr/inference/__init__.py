"""A trained model with its class names, applied to image files."""

from keras_cxr.inference.classifier import (
    Classifier,
    ImageFiles,
    find_image_files,
    list_image_files,
    load_classifier,
)

__all__ = ["Classifier", "ImageFiles", "find_image_files", "list_image_files", "load_classifier"]
