"""Whether to believe a result: questions to the data before training, to the model after it.

Each public name is imported when it is first used: an audit of data needs no Keras.
"""

from typing import TYPE_CHECKING

from keras_cxr._support.lazy import lazy_names

if TYPE_CHECKING:
    from keras_cxr.audit.findings import Finding
    from keras_cxr.audit.of_data.attributes.read import read_attributes
    from keras_cxr.audit.of_data.audit import audit_data
    from keras_cxr.audit.of_data.base.copies import Against, CopyGroup
    from keras_cxr.audit.of_data.flags.find import Flag, find_flags
    from keras_cxr.audit.of_data.questions.leakage import Leak
    from keras_cxr.audit.of_data.questions.patients import PatientAcrossClasses
    from keras_cxr.audit.of_data.questions.suspicious_labels import (
        SuspiciousLabels,
        find_suspicious_labels,
        rank_labels,
    )
    from keras_cxr.audit.of_data.result import DataAudit
    from keras_cxr.audit.of_data.shortcuts.measure import measure_shortcuts
    from keras_cxr.audit.of_data.shortcuts.result import Shortcuts
    from keras_cxr.audit.of_model.audit import audit_model
    from keras_cxr.audit.of_model.base.predictions import LabelledPredictions
    from keras_cxr.audit.of_model.card import write_model_card
    from keras_cxr.audit.of_model.controls.recipe import Recipe
    from keras_cxr.audit.of_model.controls.result import Controls
    from keras_cxr.audit.of_model.questions.confidence import Confidence
    from keras_cxr.audit.of_model.questions.held_out import HeldOut
    from keras_cxr.audit.of_model.questions.label_disagreement import LabelDisagreement
    from keras_cxr.audit.of_model.questions.lung_heat import LungHeat
    from keras_cxr.audit.of_model.questions.masked import MaskedInputs
    from keras_cxr.audit.of_model.questions.unusual import Unusual
    from keras_cxr.audit.of_model.result import MEASURES, ModelAudit
    from keras_cxr.audit.of_model.run_audit import audit_run
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "keras_cxr.audit.findings": ("Finding",),
            "keras_cxr.audit.of_data.base.copies": (
                "Against",
                "CopyGroup",
            ),
            "keras_cxr.audit.of_data.questions.leakage": ("Leak",),
            "keras_cxr.audit.of_data.questions.patients": ("PatientAcrossClasses",),
            "keras_cxr.audit.of_model.base.predictions": ("LabelledPredictions",),
            "keras_cxr.audit.of_model.controls.recipe": ("Recipe",),
            "keras_cxr.audit.of_model.controls.result": ("Controls",),
            "keras_cxr.audit.of_model.questions.confidence": ("Confidence",),
            "keras_cxr.audit.of_model.questions.held_out": ("HeldOut",),
            "keras_cxr.audit.of_model.questions.label_disagreement": ("LabelDisagreement",),
            "keras_cxr.audit.of_model.questions.lung_heat": ("LungHeat",),
            "keras_cxr.audit.of_model.questions.masked": ("MaskedInputs",),
            "keras_cxr.audit.of_model.questions.unusual": ("Unusual",),
            "keras_cxr.audit.of_data.attributes.read": ("read_attributes",),
            "keras_cxr.audit.of_data.audit": ("audit_data",),
            "keras_cxr.audit.of_data.flags.find": ("Flag", "find_flags"),
            "keras_cxr.audit.of_data.questions.suspicious_labels": (
                "SuspiciousLabels",
                "find_suspicious_labels",
                "rank_labels",
            ),
            "keras_cxr.audit.of_data.result": ("DataAudit",),
            "keras_cxr.audit.of_data.shortcuts.measure": ("measure_shortcuts",),
            "keras_cxr.audit.of_data.shortcuts.result": ("Shortcuts",),
            "keras_cxr.audit.of_model.audit": ("audit_model",),
            "keras_cxr.audit.of_model.card": ("write_model_card",),
            "keras_cxr.audit.of_model.result": ("MEASURES", "ModelAudit"),
            "keras_cxr.audit.of_model.run_audit": ("audit_run",),
        },
    )

__all__ = [
    "MEASURES",
    "Against",
    "Confidence",
    "Controls",
    "CopyGroup",
    "DataAudit",
    "Finding",
    "Flag",
    "HeldOut",
    "LabelDisagreement",
    "LabelledPredictions",
    "Leak",
    "LungHeat",
    "MaskedInputs",
    "ModelAudit",
    "PatientAcrossClasses",
    "Recipe",
    "Shortcuts",
    "SuspiciousLabels",
    "Unusual",
    "audit_data",
    "audit_model",
    "audit_run",
    "find_flags",
    "find_suspicious_labels",
    "measure_shortcuts",
    "rank_labels",
    "read_attributes",
    "write_model_card",
]
