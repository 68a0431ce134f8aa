"""What is reached on pictures that lack what a physician would look at."""
