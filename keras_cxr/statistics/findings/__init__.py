"""Findings that do not exclude each other: each is there, is not, or is not known."""
