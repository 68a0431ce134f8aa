"""Whether to believe what a trained model scores."""
