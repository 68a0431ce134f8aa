"""Every file decoded once and kept: the pass over a data set and its cache."""
