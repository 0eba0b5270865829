"""What a segment is, in coded words (PS3.3, 8.8 and C.8.20.2).

Slicer keeps the codes of a segment as one text, seven parts joined by `~`; a code is
`scheme^value^meaning`. Nothing here knows vtk or DICOM datasets.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """One entry of a coding scheme."""

    scheme: str
    """Coding Scheme Designator (0008,0102)."""
    value: str
    meaning: str


@dataclass(frozen=True)
class SegmentTerminology:
    """The codes of one segment."""

    category: Code
    type: Code
    type_modifier: Code | None = None
    region: Code | None = None
    """Anatomic region."""
    region_modifier: Code | None = None


TISSUE = SegmentTerminology(Code("SCT", "85756007", "Tissue"), Code("SCT", "85756007", "Tissue"))
"""What a segment is called when nobody coded it: Slicer's own default."""


def parse_slicer_terminology(text: str) -> SegmentTerminology | None:
    """Return the codes in a segment's terminology tag, or None if category or type is not there."""
    parts = (text.split("~") + [""] * 7)[:7]
    category, type_, type_modifier = (_parse_code(part) for part in parts[1:4])
    region, region_modifier = (_parse_code(part) for part in parts[5:7])
    if category is None or type_ is None:
        return None
    return SegmentTerminology(category, type_, type_modifier, region, region_modifier if region else None)


def slicer_terminology_text(terminology: SegmentTerminology) -> str:
    """Return the text of Slicer's terminology tag for the codes, in the contexts that Slicer brings."""
    modifier, region, region_modifier = terminology.type_modifier, terminology.region, terminology.region_modifier
    return "~".join(
        (
            "Segmentation category and type - DICOM master list",
            *(_code_text(code) for code in (terminology.category, terminology.type, modifier)),
            "Anatomic codes - DICOM master list",
            *(_code_text(code) for code in (region, region_modifier)),
        )
    )


def _code_text(code: Code | None) -> str:
    return f"{code.scheme}^{code.value}^{code.meaning}" if code else "^^"


def _parse_code(text: str) -> Code | None:
    parts = [part.strip() for part in text.split("^")]
    if len(parts) != 3 or not all(parts):
        return None
    return Code(*parts)
