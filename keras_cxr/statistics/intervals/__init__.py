"""Numbers with intervals, from resampling whole groups of images."""
