"""A trained model with its class names, applied to image files."""

from keras_cxr.inference.classifier import Classifier, list_image_files, load_classifier

__all__ = ["Classifier", "list_image_files", "load_classifier"]
