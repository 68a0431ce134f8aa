"""Keras 3 model zoo for chest X-ray classification.

Importing this package loads neither Keras nor TensorFlow: each public name is imported
when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from keras_cxr._version import __version__

if TYPE_CHECKING:
    from keras_cxr.audit import DataAudit, ModelAudit, audit_data, audit_model
    from keras_cxr.data import Datasets, make_datasets, make_phantoms
    from keras_cxr.evaluation import Evaluation, evaluate
    from keras_cxr.explain import GradCAM, overlay
    from keras_cxr.models import (
        build,
        build_alexnet,
        build_lenet5,
        build_lmap3,
        build_vgg19,
        list_models,
    )
    from keras_cxr.study import run_study
    from keras_cxr.training import TrainingRun, train

_ROOMS = {
    "keras_cxr.audit": ("DataAudit", "ModelAudit", "audit_data", "audit_model"),
    "keras_cxr.data": ("Datasets", "make_datasets", "make_phantoms"),
    "keras_cxr.evaluation": ("Evaluation", "evaluate"),
    "keras_cxr.explain": ("GradCAM", "overlay"),
    "keras_cxr.models": (
        "build",
        "build_alexnet",
        "build_lenet5",
        "build_lmap3",
        "build_vgg19",
        "list_models",
    ),
    "keras_cxr.study": ("run_study",),
    "keras_cxr.training": ("TrainingRun", "train"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "DataAudit",
    "Datasets",
    "Evaluation",
    "GradCAM",
    "ModelAudit",
    "TrainingRun",
    "__version__",
    "audit_data",
    "audit_model",
    "build",
    "build_alexnet",
    "build_lenet5",
    "build_lmap3",
    "build_vgg19",
    "evaluate",
    "list_models",
    "make_datasets",
    "make_phantoms",
    "overlay",
    "run_study",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_ROOM_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
