"""Whether to believe a result: questions to the data before training, to the model after it."""

from keras_cxr.audit.data_audit import DataAudit, audit_data
from keras_cxr.audit.findings import Finding

__all__ = ["DataAudit", "Finding", "audit_data"]
