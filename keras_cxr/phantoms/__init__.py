"""Drawn chest X-rays whose lungs, lesions and oddities are known."""
