"""What a DICOM SEG is, from the first of its bytes: enough to decide who should load it, at every click in a browser.

The walk is that of `header`, ended behind the segments: no frame and no pixel is read, and of a deflated file no more
is inflated.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import UID

from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.model.source_series import text_of
from SegRLEExportLib.reading.damage import readable
from SegRLEExportLib.reading.header import read_header
from SegRLEExportLib.reading.parts import part_in
from SegRLEExportLib.reading.segments import BACKGROUND

_MODALITY = 0x00080060
_SEGMENT_SEQUENCE = 0x00620002


@dataclass(frozen=True)
class FirstLook:
    """One SEG file."""

    path: Path
    transfer_syntax: UID
    segmentation_type: str
    bits_allocated: int
    segment_count: int
    """Without the background of a label map."""
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    description: str
    """Series Description; without "1 of 2" where it is a part of several."""
    part: tuple[int, int]
    """Which file of how many it is of one export, from 1."""
    made_at: tuple[str, str]
    """Date and time of its series: the same for all files of one export."""
    referenced_series_uid: str
    referenced_instance_uids: tuple[str, ...]


def first_look(path: Path) -> FirstLook | None:
    """Return what the file is, or None if it is no SEG or cannot be read."""
    try:
        with readable(path, "the file"):
            read = read_header(path, last_tag=_SEGMENT_SEQUENCE)
            is_seg = read.elements.text(_MODALITY) == "SEG"
            return _looked_at(path, read.dataset(), read.transfer_syntax) if is_seg else None
    except NotASegmentationFileError:
        return None


def _looked_at(path: Path, dataset: Dataset, syntax: UID) -> FirstLook:
    part = part_in(text_of(dataset, "SeriesDescription").strip())
    series = dataset.get("ReferencedSeriesSequence") or [Dataset()]
    segments = dataset.get("SegmentSequence") or []
    return FirstLook(
        path=path,
        transfer_syntax=syntax,
        segmentation_type=text_of(dataset, "SegmentationType"),
        bits_allocated=int(dataset.get("BitsAllocated") or 0),
        segment_count=sum(1 for segment in segments if segment.get("SegmentNumber") != BACKGROUND),
        study_uid=text_of(dataset, "StudyInstanceUID"),
        series_uid=text_of(dataset, "SeriesInstanceUID"),
        sop_instance_uid=text_of(dataset, "SOPInstanceUID"),
        description=part.name,
        part=(part.number, part.total),
        made_at=(text_of(dataset, "SeriesDate"), text_of(dataset, "SeriesTime")),
        referenced_series_uid=text_of(series[0], "SeriesInstanceUID"),
        referenced_instance_uids=tuple(
            text_of(instance, "ReferencedSOPInstanceUID")
            for one in series
            for instance in one.get("ReferencedInstanceSequence") or []
        ),
    )
