"""Heat maps as pictures: overlays, contours, panels, averages."""
