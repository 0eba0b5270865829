"""Segmentations written as files that are not DICOM, each read back and compared before it gets its name."""
