"""What all questions to a model share: its predictions, scores and tables."""
