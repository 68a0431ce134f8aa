"""One file for each kind of label file; `registry.py` holds the table of them."""
