"""From folders of chest X-rays to batches: find, check, split, cache, augment."""

from keras_cxr.data.cache import CacheInfo, clear_caches, list_caches
from keras_cxr.data.catalog import Catalog
from keras_cxr.data.datasets import Datasets
from keras_cxr.data.duplicates import DuplicateGroup, Duplicates, find_duplicates
from keras_cxr.data.find import find_images
from keras_cxr.data.images import read_image
from keras_cxr.data.phantoms import make_phantoms
from keras_cxr.data.pipeline import make_datasets

__all__ = [
    "CacheInfo",
    "Catalog",
    "Datasets",
    "DuplicateGroup",
    "Duplicates",
    "clear_caches",
    "find_duplicates",
    "find_images",
    "list_caches",
    "make_datasets",
    "make_phantoms",
    "read_image",
]
