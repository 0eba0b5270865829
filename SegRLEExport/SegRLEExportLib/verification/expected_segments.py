"""What is to be said of each segment (PS3.3, C.8.20.2 and C.8.20.4; names and codes also PS3.3, 8.8).

Segments are numbered 1..N in the caller's order, those without voxels behind all others. A segment without a coded
meaning is Tissue; an algorithm that has no name is "unknown", but where a person drew. The Tracking UID is the same for
the same segment of the same segmentation on the same series.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from SegRLEExportLib.model.segmentation import AlgorithmType, Segment, Segmentation
from SegRLEExportLib.model.terminology import Code, SegmentTerminology
from SegRLEExportLib.uids import derived_uid
from SegRLEExportLib.verification.expectation import Expectation
from SegRLEExportLib.verification.expected_texts import LONG_STRING, SHORT_TEXT, UTF_8, cut, in_one_line
from SegRLEExportLib.verification.stated import Value

_TISSUE = SegmentTerminology(Code("SCT", "85756007", "Tissue"), Code("SCT", "85756007", "Tissue"))
_LONG_VALUE = 16
"""Characters of a Code Value; what is longer is a Long Code Value."""

_WHITE_D65 = np.array([0.95047, 1.0, 1.08883])
_XYZ_TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
_COLOR_TOLERANCE = 1 / 255


def tracking_uid(segment: Segment, segmentation: Segmentation, series_uid: str) -> str:
    """Return the Tracking UID (0062,0021): the segment's own if it has one, or that of one drawn on the series."""
    own = in_one_line(segment.tracking_uid)
    if re.fullmatch(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+", own) and len(own) <= 64:
        return own
    return derived_uid("tracking", series_uid, segmentation.name, segment.id)


def expected_segment(segment: Segment, number: int, segmentation: Segmentation, series_uid: str) -> Expectation:
    """Return what the item of a segment is to say."""
    name = in_one_line(segment.name) or f"Segment {number}"
    item: dict[str, Any] = {
        "SegmentNumber": number,
        "SegmentLabel": cut(name, LONG_STRING),
        **_description(segment, name),
        **_algorithm(segment),
        **_meaning(segment.terminology or _TISSUE),
        "RecommendedDisplayCIELabValue": Color(segment.color_rgb),
        "TrackingID": _tracking_id(segment, name, segmentation),
        "TrackingUID": tracking_uid(segment, segmentation, series_uid),
    }
    if not all(text.isascii() for text in _texts(item)):
        item["SpecificCharacterSet"] = UTF_8
    return item


def _tracking_id(segment: Segment, name: str, segmentation: Segmentation) -> str:
    """Return the segment's own Tracking ID (0062,0020) beside its own UID, or the names."""
    own = in_one_line(segment.tracking_id) if segment.tracking_uid else ""
    return own or (f"{in_one_line(segmentation.name)}: {name}" if segmentation.name else name)


@dataclass(frozen=True)
class Color:
    """Recommended Display CIELab Value (0062,000D) of a color, white being D65 (PS3.3, C.10.7.1.1).

    Turned back into red, green and blue: whatever arithmetic made it, that is what a viewer shows.
    """

    rgb: tuple[float, float, float]

    def accepts(self, found: Value | None) -> bool:
        if not isinstance(found, tuple) or len(found) != 3:
            return False
        wanted = np.clip(self.rgb, 0.0, 1.0)
        return bool(np.abs(_rgb_of(found) - wanted).max() <= _COLOR_TOLERANCE)

    def __str__(self) -> str:
        return f"the CIELab value of red, green and blue {tuple(round(float(part), 3) for part in self.rgb)}"


def _rgb_of(stored: tuple[Any, ...]) -> Any:
    lightness, a, b = (low + value / 65535 * (high - low) for value, (low, high) in zip(stored, _RANGES))
    y = (lightness + 16) / 116
    roots = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29)) * _WHITE_D65
    linear = np.clip(_XYZ_TO_RGB @ xyz, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


_RANGES = ((0, 100), (-128, 127), (-128, 127))
"""Of lightness, a and b, each spread over 16 bits."""


def _description(segment: Segment, name: str) -> Expectation:
    """A name that is cut stands whole before the segment's own description."""
    parts = ([name] if len(name) > LONG_STRING else []) + ([segment.description] if segment.description else [])
    whole = _of_several_lines(". ".join(parts))
    text = cut(whole, SHORT_TEXT) if len(whole) > SHORT_TEXT else whole
    return {"SegmentDescription": DescriptionText(text)} if text else {}


@dataclass(frozen=True)
class DescriptionText:
    """A text of several lines (PS3.5, 6.2, ST): blanks at its end do not matter."""

    text: str

    def accepts(self, found: Value | None) -> bool:
        return isinstance(found, tuple) and len(found) == 1 and str(found[0]).rstrip() == self.text.rstrip()

    def __str__(self) -> str:
        return repr(self.text)


def _of_several_lines(text: str) -> str:
    """Return the text without control characters but those of lines (PS3.5, 6.1.3), and halves of UTF-16 pairs."""
    allowed = (c for c in text if c in "\t\n\f\r" or unicodedata.category(c) not in ("Cc", "Cs"))
    return "".join(allowed).replace("\ufffd", "?")


def _algorithm(segment: Segment) -> Expectation:
    """Return type and name; what is MANUAL has no name (PS3.3, C.8.20.4)."""
    wanted = {"SegmentAlgorithmType": segment.algorithm_type.value}
    if segment.algorithm_type is not AlgorithmType.MANUAL:
        wanted["SegmentAlgorithmName"] = cut(in_one_line(segment.algorithm_name), LONG_STRING) or "unknown"
    return wanted


def _meaning(codes: SegmentTerminology) -> Expectation:
    wanted: dict[str, Any] = {
        "SegmentedPropertyCategoryCodeSequence": [_code(codes.category)],
        "SegmentedPropertyTypeCodeSequence": [
            _code(codes.type) | _modifier("SegmentedPropertyTypeModifierCodeSequence", codes.type_modifier)
        ],
    }
    if codes.region:
        region = _code(codes.region) | _modifier("AnatomicRegionModifierSequence", codes.region_modifier)
        wanted["AnatomicRegionSequence"] = [region]
    return wanted


def _code(code: Code) -> dict[str, Any]:
    value = in_one_line(code.value)
    return {
        "CodeValue" if len(value) <= _LONG_VALUE else "LongCodeValue": value,
        "CodingSchemeDesignator": cut(in_one_line(code.scheme), 16),
        "CodeMeaning": cut(in_one_line(code.meaning), 64),
    }


def _modifier(keyword: str, code: Code | None) -> dict[str, Any]:
    return {keyword: [_code(code)]} if code else {}


def _texts(wanted: object) -> Iterator[str]:
    """Yield all texts of an item, also those of its codes."""
    if isinstance(wanted, str):
        yield wanted
    elif isinstance(wanted, DescriptionText):
        yield wanted.text
    elif isinstance(wanted, (list, dict)):
        for part in wanted if isinstance(wanted, list) else wanted.values():
            yield from _texts(part)
