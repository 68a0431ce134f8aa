"""Whether probabilities hold, and how to make them."""
