"""What is written of the names, codes and words of a segment: one line each, as long as DICOM allows (PS3.5, 6.2)."""

from __future__ import annotations

from SegRLEExportLib.model.segmentation import Segment
from SegRLEExportLib.model.terminology import TISSUE, Code, SegmentTerminology

LABEL_LENGTH = 64
"""Segment Label (0062,0005) is an LO."""

MEANING_LENGTH = 64
SCHEME_LENGTH = 16

DESCRIPTION_LENGTH = 1024
"""Segment Description (0062,0006) is an ST."""

UNKNOWN_ALGORITHM_NAME = "unknown"
"""Written where DICOM demands an algorithm name and the segment has none (0062,0009)."""


def one_line(text: str) -> str:
    """Return the text without line breaks, control characters and backslashes, which an LO cannot hold."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(text.replace("\\", "/").split())


def whole_label(name: str, number: int) -> str:
    """Return the name in one line, uncut, or for a blank one the number."""
    return one_line(name) or f"Segment {number}"


def label_of(name: str, number: int) -> str:
    """Return the Segment Label (0062,0005) of a segment of that name and Segment Number."""
    return written_label(whole_label(name, number))


def written_label(name: str) -> str:
    """Return what Segment Label (0062,0005) says of a name: one line, cut; empty if the name is blank."""
    return one_line(name)[:LABEL_LENGTH].rstrip()


def whole_description(segment: Segment, label: str) -> str:
    """Return the segment's own description, behind the whole name if the label had to be cut; not cut itself."""
    parts = [label] if len(label) > LABEL_LENGTH else []
    if segment.description:
        parts.append(segment.description)
    return ". ".join(parts)


def algorithm_name_of(segment: Segment) -> str:
    """Return what was told for Segment Algorithm Name (0062,0009), as it fits; empty where nothing was."""
    return one_line(segment.algorithm_name)[:LABEL_LENGTH].rstrip()


def codes_of(segment: Segment) -> list[Code]:
    """Return the codes of a segment; those of Tissue where it has none."""
    return codes_in(segment.terminology or TISSUE)


def codes_in(given: SegmentTerminology) -> list[Code]:
    """Return the codes that are there: category and type, and those that say more."""
    codes = (given.category, given.type, given.type_modifier, given.region, given.region_modifier)
    return [code for code in codes if code is not None]


def written_codes(given: SegmentTerminology) -> SegmentTerminology:
    """Return the codes as they are written."""
    return SegmentTerminology(
        written_code(given.category),
        written_code(given.type),
        *(code and written_code(code) for code in (given.type_modifier, given.region, given.region_modifier)),
    )


def written_code(code: Code) -> Code:
    """Return the code in one line each, scheme and meaning as long as DICOM allows."""
    return Code(
        one_line(code.scheme)[:SCHEME_LENGTH].rstrip(),
        one_line(code.value),
        one_line(code.meaning)[:MEANING_LENGTH].rstrip(),
    )
