"""Batches by number: drawn, moved, masked."""
