"""What 3D Slicer calls the tags of a segment, in nodes and in `.seg.nrrd` alike."""

from __future__ import annotations

from SegRLEExportLib.files.byte_stream import UnreadableError
from SegRLEExportLib.model.segmentation import AlgorithmType

TERMINOLOGY = "TerminologyEntry"
DESCRIPTION = "Description"
ALGORITHM_TYPE = "DICOM.SegmentAlgorithmType"
ALGORITHM_NAME = "DICOM.SegmentAlgorithmName"
TRACKING_ID = "DICOM.TrackingIdentifier"
TRACKING_UID = "DICOM.TrackingUniqueIdentifier"
"""Of a segment that was loaded from SEG: written again, so that it is known as the same."""


def algorithm_type_of(text: str) -> AlgorithmType:
    """Return the type that the tag of that text says, in letters of any case; MANUAL, as for Slicer, if it is empty.

    Raises `UnreadableError`, a clause, for any other text.
    """
    if not text.strip():
        return AlgorithmType.MANUAL
    try:
        return AlgorithmType(text.strip().upper())
    except ValueError as error:
        known = ", ".join(member.value for member in AlgorithmType)
        raise UnreadableError(f"has the algorithm type '{text[:40]}', and {known} are possible") from error
