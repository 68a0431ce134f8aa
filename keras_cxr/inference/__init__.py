"""A trained model with its class names, applied to image files."""

from keras_cxr.inference.classifier import Classifier, find_images, load_classifier

__all__ = ["Classifier", "find_images", "load_classifier"]
