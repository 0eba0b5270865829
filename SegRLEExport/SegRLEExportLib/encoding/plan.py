"""Which bytes go with which transfer syntax: the one table where that is decided.

Everything that depends on the encoding (the writer, the forecast, the dialog, the command line, the
README, the compatibility test) is made from these rows. Nothing here knows patients or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    RLELossless,
    SegmentationStorage,
)

LABEL_MAP_SEGMENTATION_STORAGE: Final = UID("1.2.840.10008.5.1.4.1.1.66.7")
"""Label Map Segmentation Storage (Supplement 243)."""

LARGEST_8_BIT_LABEL: Final = 255


class SegmentationType(str, Enum):
    """Segmentation Type (0062,0001), PS3.3 C.8.20.2."""

    BINARY = "BINARY"
    FRACTIONAL = "FRACTIONAL"
    LABELMAP = "LABELMAP"


class FrameCoding(Enum):
    """How the pixels of a frame become bytes."""

    BITS = "eight pixels to a byte"
    BYTES = "as they are"
    RLE = "run-length coded"


class Split(Enum):
    """How the segments are spread over SOP instances."""

    NEVER = "all segments in one file"
    WHERE_OVERLAPPING = "one file for each set of segments that do not overlap"
    EACH_SEGMENT = "one file for each segment"


@dataclass(frozen=True)
class EncodingPlan:
    """One row of the table."""

    id: str
    title: str
    """What it is, for a menu."""
    advice: str
    """When to choose it, in a user's words."""
    in_short: str
    """Who opens it and who does not, in a line."""
    segmentation_type: SegmentationType
    transfer_syntax: UID
    frame_coding: FrameCoding
    full_value: int
    """The stored value of a segment's pixel where segments have frames of their own; unused for label maps."""
    split: Split
    reads_in: str
    """Who opens it, in a user's words; measured, see Testing/peers."""
    fails_in: str
    """Who does not, and how that shows."""
    warning: str = ""
    """What must be said before it is used; empty for the ordinary rows."""
    is_for_experts: bool = False
    """Offered only to those who ask for it by name."""

    @property
    def sop_class(self) -> UID:
        """SOP Class UID (0008,0016)."""
        return LABEL_MAP_SEGMENTATION_STORAGE if self.is_label_map else UID(SegmentationStorage)

    @property
    def is_label_map(self) -> bool:
        """Whether a frame shows all segments of a plane at once."""
        return self.segmentation_type is SegmentationType.LABELMAP

    @property
    def is_encapsulated(self) -> bool:
        """Whether frames are items of Pixel Data (PS3.5, A.4)."""
        return self.frame_coding is FrameCoding.RLE

    @property
    def is_deflated(self) -> bool:
        """Whether the whole dataset is deflated (PS3.5, A.5)."""
        return self.transfer_syntax == DeflatedExplicitVRLittleEndian

    def bits_allocated(self, largest_number: int) -> int:
        """Return Bits Allocated (0028,0100) for segment numbers up to that in one instance."""
        if self.is_label_map:
            return 8 if largest_number <= LARGEST_8_BIT_LABEL else 16
        return 8 if self.segmentation_type is SegmentationType.FRACTIONAL else 1

    def stored_dtype(self, largest_number: int) -> type[np.unsignedinteger[Any]]:
        """Return the type of a pixel before it is coded."""
        return np.uint16 if self.bits_allocated(largest_number) == 16 else np.uint8


_LABEL_MAPS_NEED = (
    "Software that does not know label map segmentations (DICOM Supplement 243, 2024) refuses it with an "
    "error: 3D Slicer 5.6 and 5.8 (dcmqi 1.3), GDCM, ITK and SimpleITK, pydicom-seg, cornerstone3D 2 (older "
    "OHIF), and archives that are not set to take it"
)
_MISREAD_LABEL_MAPS = (
    "With more than 255 segments, cornerstone3D (OHIF) mixes segments up without a warning, and so does highdicom up "
    "to 0.28 when it reads segments one by one."
)
_MISREAD_BITS_IN_OHIF = (
    "Without a warning, cornerstone3D (OHIF) leaves out planes of segments that overlap, and mixes segments up where "
    "there are more than 255."
)
_DEFLATED_IN_OHIF = "OHIF 3.13 opens deflated files only if the server inflates them."

_ROWS = (
    EncodingPlan(
        id="rle",
        title="RLE compressed label map",
        advice="Small and fast: for 3D Slicer 5.12 and newer, OHIF 3.13 and newer, highdicom, pydicom.",
        in_short="Slicer 5.12+, OHIF 3.13+, highdicom; not: older versions, ITK",
        segmentation_type=SegmentationType.LABELMAP,
        transfer_syntax=RLELossless,
        frame_coding=FrameCoding.RLE,
        full_value=0,
        split=Split.WHERE_OVERLAPPING,
        reads_in=(
            "3D Slicer 5.12 and newer, OHIF 3.13 and newer, dcmqi 1.5.3 and newer, highdicom, pydicom, DCMTK, "
            "vtk-dicom, Orthanc"
        ),
        fails_in=(
            f"{_LABEL_MAPS_NEED}. OHIF before 3.13 and cornerstone3D 3 refuse it because of RLE, unless the archive "
            f"sends it uncompressed. {_MISREAD_LABEL_MAPS}"
        ),
    ),
    EncodingPlan(
        id="none",
        title="Uncompressed, one bit a pixel",
        advice="Large, but opens almost everywhere: for archives, older software, and unknown recipients.",
        in_short="nearly everything; trouble where rows x columns is not a multiple of 8",
        segmentation_type=SegmentationType.BINARY,
        transfer_syntax=ExplicitVRLittleEndian,
        frame_coding=FrameCoding.BITS,
        full_value=1,
        split=Split.NEVER,
        reads_in="nearly everything that reads DICOM SEG",
        fails_in=(
            "Where rows x columns is not a multiple of 8, 3D Slicer 5.6 and 5.8 (dcmqi 1.3) read wrong voxels without "
            "a warning, OHIF 3.13 does so too or refuses the file, and SimpleITK shows garbage in the last pixels. "
            f"{_MISREAD_BITS_IN_OHIF}"
        ),
    ),
    EncodingPlan(
        id="deflate",
        title="Deflated, one bit a pixel",
        advice="The smallest: for 3D Slicer, highdicom and pydicom, also for overlapping segments.",
        in_short="Slicer 5.10+, highdicom; not: some archives, OHIF 3.13 without a server that inflates",
        segmentation_type=SegmentationType.BINARY,
        transfer_syntax=DeflatedExplicitVRLittleEndian,
        frame_coding=FrameCoding.BITS,
        full_value=1,
        split=Split.NEVER,
        reads_in="3D Slicer 5.10 and newer, dcmqi 1.5.3 and newer, highdicom, pydicom, DCMTK, GDCM",
        fails_in=(
            "Some archives and vtk-dicom refuse deflated files; dcmqi 1.3 from PyPI stops working on them. Where rows "
            "x columns is not a multiple of 8, SimpleITK shows garbage in the last pixels, and OHIF 3.13 shows "
            f"nothing, or wrong voxels without a warning. {_DEFLATED_IN_OHIF} {_MISREAD_BITS_IN_OHIF}"
        ),
    ),
    EncodingPlan(
        id="labelmap",
        title="Uncompressed label map",
        advice="For OHIF 3.11 and 3.12, and other readers that know label maps but no RLE.",
        in_short="Slicer 5.12+, OHIF 3.11+, highdicom; not: older Slicer, ITK",
        segmentation_type=SegmentationType.LABELMAP,
        transfer_syntax=ExplicitVRLittleEndian,
        frame_coding=FrameCoding.BYTES,
        full_value=0,
        split=Split.WHERE_OVERLAPPING,
        reads_in=(
            "3D Slicer 5.12 and newer, OHIF 3.11 and newer, dcmqi 1.5.3 and newer, highdicom, pydicom, DCMTK, "
            "vtk-dicom, Orthanc, cornerstone3D 3 and newer"
        ),
        fails_in=(
            f"{_LABEL_MAPS_NEED}. OHIF 3.13 does not open it from a disk where its pixels are an odd number of bytes. "
            f"{_MISREAD_LABEL_MAPS}"
        ),
    ),
    EncodingPlan(
        id="labelmap-deflate",
        title="Deflated label map",
        advice="As small as deflated bits, and quicker to open where there are many segments.",
        in_short="Slicer 5.12+, highdicom; not: older Slicer, ITK, OHIF 3.13 without a server that inflates",
        segmentation_type=SegmentationType.LABELMAP,
        transfer_syntax=DeflatedExplicitVRLittleEndian,
        frame_coding=FrameCoding.BYTES,
        full_value=0,
        split=Split.WHERE_OVERLAPPING,
        reads_in=(
            "3D Slicer 5.12 and newer, dcmqi 1.5.3 and newer, highdicom, pydicom, DCMTK, Orthanc, cornerstone3D 3 and "
            "newer"
        ),
        fails_in=(
            f"{_LABEL_MAPS_NEED}. Some archives and vtk-dicom refuse deflated files. {_DEFLATED_IN_OHIF} "
            f"{_MISREAD_LABEL_MAPS}"
        ),
    ),
    EncodingPlan(
        id="rle-per-segment",
        title="RLE compressed, one file for each segment",
        advice="RLE for software that does not know label maps; for older OHIF choose the uncompressed label map.",
        in_short="Slicer, highdicom, ITK, OHIF 3.13+; but older OHIF may show it empty",
        segmentation_type=SegmentationType.FRACTIONAL,
        transfer_syntax=RLELossless,
        frame_coding=FrameCoding.RLE,
        full_value=255,
        split=Split.EACH_SEGMENT,
        reads_in=(
            "3D Slicer, dcmqi, highdicom, pydicom, DCMTK, GDCM, SimpleITK, pydicom-seg, vtk-dicom, Orthanc, "
            "cornerstone3D (OHIF 3.13)"
        ),
        fails_in=(
            "OHIF before 3.13 shows the segment empty, without a warning, if the file comes from an archive. A program "
            "may take the masks for probabilities."
        ),
        warning=(
            "The masks are stored as fractions of 0 and 255 because 1-bit pixels have no RLE that others read. "
            "Strictly, that says they are probabilities. OHIF before 3.13 shows the segment empty, without a warning, "
            "if the file comes from an archive."
        ),
        is_for_experts=True,
    ),
    EncodingPlan(
        id="rle-binary",
        title="RLE of 1-bit pixels, one byte each (PS3.5 G.2)",
        advice="For tests of readers only.",
        in_short="pydicom with pylibjpeg-rle, vtk-dicom; not: anything else",
        segmentation_type=SegmentationType.BINARY,
        transfer_syntax=RLELossless,
        frame_coding=FrameCoding.RLE,
        full_value=1,
        split=Split.NEVER,
        reads_in="pydicom with pylibjpeg-rle, vtk-dicom",
        fails_in=(
            "3D Slicer, dcmqi, DCMTK and highdicom cannot read it, GDCM stops working on it, and "
            "cornerstone3D (OHIF) shows garbage without a warning, because it expects eight pixels in each byte."
        ),
        warning="Almost nothing reads this file, and some software shows a wrong segmentation without a warning.",
        is_for_experts=True,
    ),
)

PLANS: Final[dict[str, EncodingPlan]] = {row.id: row for row in _ROWS}
"""The table of encodings, by id."""

DEFAULT_PLAN_ID: Final = "rle"
