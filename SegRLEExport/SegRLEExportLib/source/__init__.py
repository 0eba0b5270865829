"""From DICOM images to a `SourceSeries`."""
