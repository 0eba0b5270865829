"""Coded meanings that names tell: segments that are called like a structure of TotalSegmentator. No Qt.

What is proposed is shown before it is done, and what stood there can be put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from SegRLEExportLib.files.tables.row import plain_name
from SegRLEExportLib.files.tables.totalsegmentator import own_table
from SegRLEExportLib.model.terminology import TISSUE, SegmentTerminology, slicer_terminology_text

_UNSAID = ("", TISSUE.type.meaning)
"""Of a segment whose meaning nobody chose: Slicer calls new ones Tissue."""


@dataclass(frozen=True)
class Proposal:
    """A meaning for one segment."""

    segment_id: str
    name: str
    terminology: SegmentTerminology

    def __str__(self) -> str:
        words = [code.meaning for code in (self.terminology.type_modifier, self.terminology.type) if code]
        return f"{self.name}: {' '.join(words)}"


def proposals(segments: Iterable) -> list[Proposal]:
    """Return a meaning for each `SegmentLook` that has none and whose name is that of a known structure."""
    meaning_of = {plain_name(row.name): row.terminology for row in own_table("totalsegmentator").rows}
    found = []
    for segment in segments:
        terminology = meaning_of.get(plain_name(segment.name))
        if terminology is not None and segment.meaning in _UNSAID:
            found.append(Proposal(segment.id, segment.name, terminology))
    return found


def apply_to(segmentation_node, proposed: Sequence[Proposal]) -> dict[str, str]:
    """Give the segments their meanings; return the texts that stood there, by segment ID, for `put_back`."""
    return put_back(segmentation_node, {one.segment_id: slicer_terminology_text(one.terminology) for one in proposed})


def put_back(segmentation_node, text_of: Mapping[str, str]) -> dict[str, str]:
    """Set the terminology tags of those segments that are still there; return what stood there before."""
    before = {}
    for segment_id, text in text_of.items():
        segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
        if segment is None:
            continue
        before[segment_id] = _tag(segment)
        if text:
            segment.SetTag(segment.GetTerminologyEntryTagName(), text)
        else:
            segment.RemoveTag(segment.GetTerminologyEntryTagName())
    return before


def _tag(segment) -> str:
    from vtkmodules.vtkCommonCore import reference

    text = reference("")
    return str(text) if segment.GetTag(segment.GetTerminologyEntryTagName(), text) else ""
