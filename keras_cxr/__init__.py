"""Keras 3 model zoo for chest X-ray classification.

Importing this package loads neither Keras nor TensorFlow: each public name is imported
when it is first used.
"""

from typing import TYPE_CHECKING

from keras_cxr._support.lazy import lazy_names
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
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
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
        },
    )

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
