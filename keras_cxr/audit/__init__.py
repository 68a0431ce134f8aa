"""Whether to believe a result: questions to the data before training, to the model after it.

Each public name is imported when it is first used: an audit of data needs no Keras.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_cxr.audit.findings import Finding
    from keras_cxr.audit.of_data.attributes.read import read_attributes
    from keras_cxr.audit.of_data.audit import DataAudit, audit_data
    from keras_cxr.audit.of_data.flags.find import Flag, find_flags
    from keras_cxr.audit.of_data.questions.suspicious_labels import (
        SuspiciousLabels,
        find_suspicious_labels,
        rank_labels,
    )
    from keras_cxr.audit.of_data.shortcuts.measure import Shortcuts, measure_shortcuts
    from keras_cxr.audit.of_model.audit import ModelAudit, audit_model
    from keras_cxr.audit.of_model.card import write_model_card
    from keras_cxr.audit.of_model.run_audit import audit_run

_FILES = {
    "DataAudit": "keras_cxr.audit.of_data.audit",
    "Finding": "keras_cxr.audit.findings",
    "Flag": "keras_cxr.audit.of_data.flags.find",
    "ModelAudit": "keras_cxr.audit.of_model.audit",
    "Shortcuts": "keras_cxr.audit.of_data.shortcuts.measure",
    "SuspiciousLabels": "keras_cxr.audit.of_data.questions.suspicious_labels",
    "audit_data": "keras_cxr.audit.of_data.audit",
    "audit_model": "keras_cxr.audit.of_model.audit",
    "audit_run": "keras_cxr.audit.of_model.run_audit",
    "find_flags": "keras_cxr.audit.of_data.flags.find",
    "find_suspicious_labels": "keras_cxr.audit.of_data.questions.suspicious_labels",
    "measure_shortcuts": "keras_cxr.audit.of_data.shortcuts.measure",
    "rank_labels": "keras_cxr.audit.of_data.questions.suspicious_labels",
    "read_attributes": "keras_cxr.audit.of_data.attributes.read",
    "write_model_card": "keras_cxr.audit.of_model.card",
}

__all__ = [
    "DataAudit",
    "Finding",
    "Flag",
    "ModelAudit",
    "Shortcuts",
    "SuspiciousLabels",
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


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_FILES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
