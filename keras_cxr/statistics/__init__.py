"""Arrays in, numbers with intervals out: NumPy and SciPy, no Keras."""
