"""Whether to believe a result: questions to the data before training, to the model after it.

Each public name is imported when it is first used: an audit of data needs no Keras.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_cxr.audit.attributes import read_attributes
    from keras_cxr.audit.card import write_model_card
    from keras_cxr.audit.data_audit import DataAudit, audit_data
    from keras_cxr.audit.findings import Finding
    from keras_cxr.audit.flags import Flag, find_flags
    from keras_cxr.audit.model_audit import ModelAudit, audit_model
    from keras_cxr.audit.run_audit import audit_run
    from keras_cxr.audit.shortcuts import Shortcuts, measure_shortcuts
    from keras_cxr.audit.suspicious_labels import (
        SuspiciousLabels,
        find_suspicious_labels,
        rank_labels,
    )

_FILES = {
    "DataAudit": "data_audit",
    "Finding": "findings",
    "Flag": "flags",
    "ModelAudit": "model_audit",
    "Shortcuts": "shortcuts",
    "SuspiciousLabels": "suspicious_labels",
    "audit_data": "data_audit",
    "audit_model": "model_audit",
    "audit_run": "run_audit",
    "find_flags": "flags",
    "find_suspicious_labels": "suspicious_labels",
    "measure_shortcuts": "shortcuts",
    "rank_labels": "suspicious_labels",
    "read_attributes": "attributes",
    "write_model_card": "card",
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
    value = getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
