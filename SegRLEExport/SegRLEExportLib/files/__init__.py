"""Segmentations and volumes out of files, without Slicer: damaged or unclear ones are refused with the reason."""
