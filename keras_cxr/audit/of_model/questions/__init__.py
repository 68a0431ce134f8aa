"""The questions that are put to a finished model; `ModelAudit` in `result.py` lists them."""
