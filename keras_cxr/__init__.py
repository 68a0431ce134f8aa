"""Keras 3 model zoo for chest X-ray classification.

Importing this package loads neither Keras nor TensorFlow: each public name is imported
when it is first used.
"""

from typing import TYPE_CHECKING

from keras_cxr._support.lazy import lazy_names
from keras_cxr._version import __version__ as __version__
from keras_cxr.models.zoo import _BUILDERS

if TYPE_CHECKING:  # `import A as A` makes a name public to them, as does `import *`
    from keras_cxr.audit import DataAudit as DataAudit
    from keras_cxr.audit import ModelAudit as ModelAudit
    from keras_cxr.audit import audit_data as audit_data
    from keras_cxr.audit import audit_model as audit_model
    from keras_cxr.data import Datasets as Datasets
    from keras_cxr.data import make_datasets as make_datasets
    from keras_cxr.data import make_phantoms as make_phantoms
    from keras_cxr.evaluation import Evaluation as Evaluation
    from keras_cxr.evaluation import evaluate as evaluate
    from keras_cxr.explain import GradCAM as GradCAM
    from keras_cxr.explain import overlay as overlay
    from keras_cxr.exports import Export as Export
    from keras_cxr.exports import export as export
    from keras_cxr.inference import Classifier as Classifier
    from keras_cxr.inference import Predictions as Predictions
    from keras_cxr.inference import list_presets as list_presets
    from keras_cxr.inference import save_preset as save_preset
    from keras_cxr.models import build as build
    from keras_cxr.models import list_models as list_models
    from keras_cxr.models import register_model as register_model
    from keras_cxr.models.zoo import *  # noqa: F403  the builders
    from keras_cxr.study import run_study as run_study
    from keras_cxr.training import TrainingRun as TrainingRun
    from keras_cxr.training import train as train
else:
    _PLACES = {
        "keras_cxr.audit": ("DataAudit", "ModelAudit", "audit_data", "audit_model"),
        "keras_cxr.data": ("Datasets", "make_datasets", "make_phantoms"),
        "keras_cxr.evaluation": ("Evaluation", "evaluate"),
        "keras_cxr.explain": ("GradCAM", "overlay"),
        "keras_cxr.exports": ("Export", "export"),
        "keras_cxr.inference": ("Classifier", "Predictions", "list_presets", "save_preset"),
        "keras_cxr.models": ("build", "list_models", "register_model", *_BUILDERS),
        "keras_cxr.study": ("run_study",),
        "keras_cxr.training": ("TrainingRun", "train"),
    }
    # here, where type checkers do not look, since they know lists of quoted names alone
    __all__ = sorted(["__version__", *(name for names in _PLACES.values() for name in names)])
    __getattr__, __dir__ = lazy_names(__name__, _PLACES)
