"""A trained model with its class names, applied to image files; lung masks of folders.

Each public name is imported when it is first used: another runtime than Keras answers without it.
"""

from typing import TYPE_CHECKING

from keras_cxr._support.lazy import lazy_names

if TYPE_CHECKING:
    from keras_cxr.inference.answer_lines import MergedAnswers, merge_answers
    from keras_cxr.inference.classifier import Classifier, load_classifier
    from keras_cxr.inference.image_files import ImageFiles, find_image_files, list_image_files
    from keras_cxr.inference.lung_masks import LungMasks, segment_folder
    from keras_cxr.inference.predictions import Predictions
    from keras_cxr.inference.preset.places import list_presets
    from keras_cxr.inference.preset.reading import model_from_preset
    from keras_cxr.inference.presets import save_preset
    from keras_cxr.runtimes.compiled import CompiledModel
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "keras_cxr.inference.answer_lines": ("MergedAnswers", "merge_answers"),
            "keras_cxr.inference.classifier": ("Classifier", "load_classifier"),
            "keras_cxr.inference.image_files": (
                "ImageFiles", "find_image_files", "list_image_files",
            ),
            "keras_cxr.inference.lung_masks": ("LungMasks", "segment_folder"),
            "keras_cxr.inference.predictions": ("Predictions",),
            "keras_cxr.inference.preset.places": ("list_presets",),
            "keras_cxr.inference.preset.reading": ("model_from_preset",),
            "keras_cxr.inference.presets": ("save_preset",),
            "keras_cxr.runtimes.compiled": ("CompiledModel",),
        },
    )  # fmt: skip

__all__ = [
    "Classifier",
    "CompiledModel",
    "ImageFiles",
    "LungMasks",
    "MergedAnswers",
    "Predictions",
    "find_image_files",
    "list_image_files",
    "list_presets",
    "load_classifier",
    "merge_answers",
    "model_from_preset",
    "save_preset",
    "segment_folder",
]
