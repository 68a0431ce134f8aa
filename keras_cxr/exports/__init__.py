"""A trained model for other programs: pixels in, probabilities out, checked in its own runtime.

Each public name is imported when it is first used: an export is read without Keras.
"""

from typing import TYPE_CHECKING

from keras_cxr._support.lazy import lazy_names

if TYPE_CHECKING:
    from keras_cxr.exports.exported_model import ExportedModel, load_export
    from keras_cxr.exports.record import Export, read_export
    from keras_cxr.exports.writing import export
    from keras_cxr.runtimes.formats import FORMATS, ExportFormat, Runtime
    from keras_cxr.runtimes.measures import Parity, Speed
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "keras_cxr.runtimes.formats": ("FORMATS", "ExportFormat", "Runtime"),
            "keras_cxr.runtimes.measures": ("Parity", "Speed"),
            "keras_cxr.exports.record": ("Export", "read_export"),
            "keras_cxr.exports.exported_model": ("ExportedModel", "load_export"),
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
