"""What 3D Slicer calls the tags of a segment, in nodes and in `.seg.nrrd` alike."""

TERMINOLOGY = "TerminologyEntry"
DESCRIPTION = "Description"
ALGORITHM_TYPE = "DICOM.SegmentAlgorithmType"
ALGORITHM_NAME = "DICOM.SegmentAlgorithmName"
TRACKING_ID = "DICOM.TrackingIdentifier"
TRACKING_UID = "DICOM.TrackingUniqueIdentifier"
"""Of a segment that was loaded from SEG: written again, so that it is known as the same."""
