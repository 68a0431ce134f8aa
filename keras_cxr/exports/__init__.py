"""A trained model for other programs: pixels in, probabilities out, checked in its own runtime.

Each public name is imported when it is first used: an export is read without Keras.
"""

from typing import TYPE_CHECKING

from keras_cxr._support.lazy import lazy_names

if TYPE_CHECKING:
    from keras_cxr.exports.formats import FORMATS, ExportFormat, Runtime
    from keras_cxr.exports.measures import Parity, Speed
    from keras_cxr.exports.record import Export, read_export
    from keras_cxr.exports.runtimes import ExportedModel, load_export
    from keras_cxr.exports.writing import export
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "keras_cxr.exports.formats": ("FORMATS", "ExportFormat", "Runtime"),
            "keras_cxr.exports.measures": ("Parity", "Speed"),
            "keras_cxr.exports.record": ("Export", "read_export"),
            "keras_cxr.exports.runtimes": ("ExportedModel", "load_export"),
            "keras_cxr.exports.writing": ("export",),
        },
    )

__all__ = [
    "FORMATS",
    "Export",
    "ExportFormat",
    "ExportedModel",
    "Parity",
    "Runtime",
    "Speed",
    "export",
    "load_export",
    "read_export",
]
