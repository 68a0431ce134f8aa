"""The questions that are put to data; `DataAudit` in `result.py` lists those of an audit."""
