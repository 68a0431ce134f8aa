"""The questions that are put to a finished model."""
