"""How fast keras-cxr is beside what a user would pick instead: `python -m benchmarks`."""
