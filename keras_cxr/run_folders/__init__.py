"""What a run's folder holds, and the images that it was trained and tested on."""
