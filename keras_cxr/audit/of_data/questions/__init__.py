"""The questions that are put to a data set."""
