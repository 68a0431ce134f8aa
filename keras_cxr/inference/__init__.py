"""A trained model with its class names, applied to image files."""

from keras_cxr.inference.classifier import Classifier, load_classifier
from keras_cxr.inference.image_files import ImageFiles, find_image_files, list_image_files

__all__ = ["Classifier", "ImageFiles", "find_image_files", "list_image_files", "load_classifier"]
