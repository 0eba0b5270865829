"""Codes as tables write them: `SCT 10200004 Liver`, or Slicer's `SCT^10200004^Liver`."""

from __future__ import annotations

from collections.abc import Mapping

from SegRLEExportLib.files.tables.row import TableFaultError
from SegRLEExportLib.model.terminology import Code, SegmentTerminology

CODES = ("category", "type", "modifier", "region", "region modifier")
"""What the codes of a segment are called, in the order of `SegmentTerminology`."""


def code_of(text: str, line: int) -> Code | None:
    """Return the code that a text is, None if it is empty; raise `TableFaultError`."""
    if not text.strip():
        return None
    return code_of_parts(text.split("^" if "^" in text else None, 2), line, text)


def code_of_parts(parts: list[str], line: int, shown: str = "") -> Code | None:
    """Return the code of a scheme, a value and a meaning; None if all are empty; raise `TableFaultError`."""
    words = [part.strip() for part in parts]
    if not any(words):
        return None
    if len(words) != 3 or not all(words):
        raise TableFaultError(
            f"'{(shown or ' '.join(words)).strip()[:60]}' is no code of a scheme, a value and a meaning, "
            "such as SCT 10200004 Liver",
            line,
        )
    return Code(*words)


def text_of_code(code: Code | None) -> str:
    """Return the code as one text that `code_of` reads."""
    if code is None:
        return ""
    parts = (code.scheme, code.value, code.meaning)
    return ("^" if any(" " in part for part in parts[:2]) else " ").join(parts)


def terminology_of(codes: Mapping[str, Code | None], line: int) -> SegmentTerminology | None:
    """Return the codes together, None if there is none; `codes` has the names of `CODES`.

    Raises `TableFaultError` where one is missing without which another says nothing.
    """
    category, type_, modifier, region, region_modifier = (codes.get(name) for name in CODES)
    if category is None and type_ is None and modifier is None and region is None and region_modifier is None:
        return None
    if category is None or type_ is None:
        raise TableFaultError(f"it has codes, but none for its {'type' if category else 'category'}", line)
    if region_modifier is not None and region is None:
        raise TableFaultError("it has a code that modifies its region, but none for the region", line)
    return SegmentTerminology(category, type_, modifier, region, region_modifier)
