"""Slicer's DICOM export dialog."""
