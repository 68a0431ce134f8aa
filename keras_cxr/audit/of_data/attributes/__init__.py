"""What each image file is, without asking what the picture shows."""
