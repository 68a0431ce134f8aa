"""The commands that made the weights in the package."""
