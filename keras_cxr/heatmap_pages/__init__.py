"""Heat maps of image files with the page that shows them all."""
