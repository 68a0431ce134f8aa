"""From folders of chest X-rays to batches: find, check, split, cache, augment."""

from keras_cxr.data.caching.cache import CacheInfo, clear_caches, list_caches
from keras_cxr.data.catalog import Catalog, Entry
from keras_cxr.data.datasets import Datasets
from keras_cxr.data.duplicates.find import DuplicateGroup, Duplicates, find_duplicates
from keras_cxr.data.files.images import read_image
from keras_cxr.data.finding.find import find_images
from keras_cxr.data.label_files.label_table import LabelTable
from keras_cxr.data.label_files.reading import read_label_file
from keras_cxr.data.make import make_datasets
from keras_cxr.data.splitting.by_labels import split_by_labels
from keras_cxr.data.splitting.parts import Copies
from keras_cxr.phantoms.draw import make_phantoms

__all__ = [
    "CacheInfo",
    "Catalog",
    "Copies",
    "Datasets",
    "DuplicateGroup",
    "Duplicates",
    "Entry",
    "LabelTable",
    "clear_caches",
    "find_duplicates",
    "find_images",
    "list_caches",
    "make_datasets",
    "make_phantoms",
    "read_image",
    "read_label_file",
    "split_by_labels",
]
