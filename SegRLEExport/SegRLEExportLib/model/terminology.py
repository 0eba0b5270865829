"""What a segment is, in coded words (PS3.3, 8.8 and C.8.20.2).

Slicer keeps the codes of a segment as one text, seven parts joined by `~`; a code is
`scheme^value^meaning`. Nothing here knows vtk or DICOM datasets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


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

_PARTS = ("scheme", "value", "meaning")
_GIVEN_AS = ("category", "type", "type modifier", "region", "region modifier")
_NEEDED = 2
"""Category and type: without both of them there is no terminology."""

_SHOWN_CHARACTERS = 60

PartsOfCode = Sequence[str]
"""Scheme, value and meaning of a code as they were given; no text where no code was."""


class GivenCodes(NamedTuple):
    """What somebody gave as the codes of a segment."""

    terminology: SegmentTerminology | None
    faults: tuple[str, ...]
    """Why codes that were given are left out, a clause each."""


def parse_slicer_terminology(text: str) -> GivenCodes:
    """Return the codes in a segment's terminology tag, and what is wrong with those that cannot be used."""
    words = (text.split("~") + [""] * 7)[:7]
    given = [_parts_of(word) for word in (*words[1:4], *words[5:7])]
    return GivenCodes(usable_terminology(*map(_code_of, given)), code_faults(given))


def usable_terminology(
    category: Code | None,
    type_: Code | None,
    type_modifier: Code | None,
    region: Code | None,
    region_modifier: Code | None,
) -> SegmentTerminology | None:
    """Return the codes together, or None if category or type is not there; what modifies nothing is left out."""
    if category is None or type_ is None:
        return None
    return SegmentTerminology(category, type_, type_modifier, region, region_modifier if region else None)


def code_faults(given: Sequence[PartsOfCode]) -> tuple[str, ...]:
    """Return why codes are left out, a clause each; `given` are those of `SegmentTerminology`, in its order."""
    texts = ["^".join(parts)[:_SHOWN_CHARACTERS] if any(parts) else "" for parts in given]
    faults = [
        f"its {name} '{text}' {_lack(parts)}"
        for name, text, parts in zip(_GIVEN_AS, texts, given)
        if text and not _is_whole(parts)
    ]
    missing = [f"its {name}" for name, text in zip(_GIVEN_AS[:_NEEDED], texts) if not text]
    if missing and any(texts):
        faults.append(f"it has codes ({', '.join(filter(None, texts))}), but none for {' and '.join(missing)}")
    elif texts[4] and not texts[3]:
        faults.append(f"its region modifier '{texts[4]}' modifies no region")
    return tuple(faults)


def _lack(parts: PartsOfCode) -> str:
    if len(parts) != len(_PARTS):
        return "is no code of a scheme, a value and a meaning"
    return "lacks " + " and ".join(f"a {name}" for name, part in zip(_PARTS, parts) if not part)


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


def _parts_of(text: str) -> PartsOfCode:
    return [part.strip() for part in text.split("^")]


def _is_whole(parts: PartsOfCode) -> bool:
    return len(parts) == len(_PARTS) and all(parts)


def _code_of(parts: PartsOfCode) -> Code | None:
    return Code(*parts) if _is_whole(parts) else None
