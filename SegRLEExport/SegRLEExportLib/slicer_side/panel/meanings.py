"""Coded meanings that names tell: segments called like an entry of the chosen terminology or TotalSegmentator's. No Qt.

What is proposed is shown before it is done, and what stood there can be put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from SegRLEExportLib.files.tables.row import plain_name
from SegRLEExportLib.files.tables.totalsegmentator import own_table
from SegRLEExportLib.model.terminology import TISSUE, Code, SegmentTerminology, slicer_terminology_text

_UNSAID = ("", TISSUE.type.meaning)
"""Of a segment whose meaning nobody chose: Slicer calls new ones Tissue."""


@dataclass(frozen=True)
class Proposal:
    """A meaning for one segment."""

    segment_id: str
    name: str
    terminology: SegmentTerminology
    source: str
    """What knows the name: a terminology, or TotalSegmentator."""

    def __str__(self) -> str:
        words = [code.meaning for code in (self.terminology.type_modifier, self.terminology.type) if code]
        return f"{self.name}: {' '.join(words)}"


def proposals(segments: Iterable, terminologies_logic=None, terminology_name: str = "") -> list[Proposal]:
    """Return a meaning for each `SegmentLook` that has none and whose name is that of a known structure.

    The entries of Slicer's terminology of that name, if it is loaded, go before TotalSegmentator's classes.
    """
    known = {plain_name(row.name): (row.terminology, "TotalSegmentator") for row in own_table("totalsegmentator").rows}
    if terminologies_logic is not None and terminologies_logic.IsTerminologyContextLoaded(terminology_name):
        chosen = _unambiguous(_entries(terminologies_logic, terminology_name))
        known |= {name: (terminology, terminology_name) for name, terminology in chosen.items()}
    found = []
    for segment in segments:
        terminology, source = known.get(plain_name(segment.name), (None, ""))
        if terminology not in (None, TISSUE) and segment.meaning in _UNSAID:
            found.append(Proposal(segment.id, segment.name, terminology, source))
    return found


def _unambiguous(entries: Iterable[tuple[str, SegmentTerminology]]) -> dict[str, SegmentTerminology]:
    """Return the meaning of each name that has one alone."""
    meanings: dict[str, set[SegmentTerminology]] = {}
    for name, terminology in entries:
        meanings.setdefault(plain_name(name), set()).add(terminology)
    return {name: next(iter(found)) for name, found in meanings.items() if len(found) == 1}


def _entries(logic, terminology_name: str) -> Iterator[tuple[str, SegmentTerminology]]:
    """Yield all names of a terminology with what they mean: "Left Kidney", "Kidney, Left" and Slicer's own labels."""
    import slicer

    for category_index in range(logic.GetNumberOfCategoriesInTerminology(terminology_name)):
        category = slicer.vtkSlicerTerminologyCategory()
        logic.GetNthCategoryInTerminology(terminology_name, category_index, category)
        for type_index in range(logic.GetNumberOfTypesInTerminologyCategory(terminology_name, category)):
            kind = slicer.vtkSlicerTerminologyType()
            logic.GetNthTypeInTerminologyCategory(terminology_name, category, type_index, kind)
            meaning = SegmentTerminology(_code(category), _code(kind))
            yield from ((name, meaning) for name in (kind.GetCodeMeaning(), kind.GetSlicerLabel()) if name)
            if kind.GetHasModifiers():  # asked for modifiers where there are none, the logic logs an error
                yield from _modified(logic, terminology_name, category, kind)


def _modified(logic, terminology_name: str, category, kind) -> Iterator[tuple[str, SegmentTerminology]]:
    import slicer

    for index in range(logic.GetNumberOfTypeModifiersInTerminologyType(terminology_name, category, kind)):
        modifier = slicer.vtkSlicerTerminologyType()
        logic.GetNthTypeModifierInTerminologyType(terminology_name, category, kind, index, modifier)
        meaning = SegmentTerminology(_code(category), _code(kind), _code(modifier))
        what, which = kind.GetCodeMeaning(), modifier.GetCodeMeaning()
        names = (f"{which} {what}", f"{what} {which}", f"{what}, {which}", modifier.GetSlicerLabel())
        yield from ((name, meaning) for name in names if name)


def _code(entry) -> Code:
    return Code(entry.GetCodingSchemeDesignator(), entry.GetCodeValue(), entry.GetCodeMeaning())


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
