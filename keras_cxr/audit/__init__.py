"""Whether to believe a result: questions to the data before training, to the model after it.

Each public name is imported when it is first used: an audit of data needs no Keras.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_cxr.audit.data_audit import DataAudit, audit_data
    from keras_cxr.audit.findings import Finding

_FILES = {
    "DataAudit": "data_audit",
    "Finding": "findings",
    "audit_data": "data_audit",
}

__all__ = ["DataAudit", "Finding", "audit_data"]


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
