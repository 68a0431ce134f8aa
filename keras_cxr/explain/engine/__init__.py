"""Scores and gradients of a user's model, compiled once; images in, maps out."""
