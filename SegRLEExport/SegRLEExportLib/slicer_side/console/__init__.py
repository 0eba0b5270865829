"""What scripts in Slicer's Python console meet: their arguments looked at, and what helps in their words."""
