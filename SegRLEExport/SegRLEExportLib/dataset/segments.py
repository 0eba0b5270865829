"""Segment Sequence (0062,0002): who each segment is, in words and codes (PS3.3, C.8.20.2 and C.8.20.4).

Written as bytes: a hundred segments take 3 ms so, and 43 as pydicom datasets. That would be a tenth of an export, and a
forecast, which the panel makes anew whenever something is chosen, writes them once for each encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydicom import Dataset

from SegRLEExportLib.dataset.cielab import recommended_display_cielab
from SegRLEExportLib.dataset.explicit_vr import UTF_8, element, item, sequence, text_element
from SegRLEExportLib.dataset.repair import repaired_value
from SegRLEExportLib.dataset.segment_texts import (
    UNKNOWN_ALGORITHM_NAME,
    algorithm_name_of,
    codes_in,
    whole_description,
    whole_label,
    written_codes,
    written_label,
)
from SegRLEExportLib.dataset.tracking import tracking_id_of, tracking_uid
from SegRLEExportLib.model.segmentation import AlgorithmType, Segment, Segmentation
from SegRLEExportLib.model.terminology import TISSUE, Code, SegmentTerminology

PRIVATE_GROUP = 0x0063
PRIVATE_CREATOR = "SegRLEExport"
PRIVATE_PLACES = 0x01
"""Our only private attribute, a US: (0063,xx01), behind the Segment Sequence."""

MOST_PLACES = 32767
"""A US of more values has no length in Explicit VR (PS3.5, 7.1.2)."""

_SHORT_VALUE_LENGTH = 16
"""Code Value (0008,0100) is an SH."""

_SPECIFIC_CHARACTER_SET = 0x00080005
_CODE_VALUE = 0x00080100
_CODING_SCHEME_DESIGNATOR = 0x00080102
_CODE_MEANING = 0x00080104
_LONG_CODE_VALUE = 0x00080119
_ANATOMIC_REGION = 0x00082218
_ANATOMIC_REGION_MODIFIER = 0x00082220
_PROPERTY_CATEGORY = 0x00620003
_SEGMENT_NUMBER = 0x00620004
_SEGMENT_LABEL = 0x00620005
_SEGMENT_DESCRIPTION = 0x00620006
_SEGMENT_ALGORITHM_TYPE = 0x00620008
_SEGMENT_ALGORITHM_NAME = 0x00620009
_DISPLAY_CIELAB = 0x0062000D
_PROPERTY_TYPE = 0x0062000F
_PROPERTY_TYPE_MODIFIER = 0x00620011
_TRACKING_ID = 0x00620020
_TRACKING_UID = 0x00620021


@dataclass(frozen=True)
class EncodedSegments:
    """The items of a Segment Sequence in Explicit VR Little Endian, texts in UTF-8."""

    items: bytes
    is_ascii: bool
    """Whether all texts are ASCII, so that no character set need be named."""


def encoded_segments(segmentation: Segmentation, numbers: Mapping[int, int], series_uid: str) -> EncodedSegments:
    """Return one item for each position in `numbers`, which has the segment numbers.

    A label map's background has none: Pixel Padding Value (0028,0120) names it. OHIF up to 3.14 takes colors by an
    item's place and names by its number, so that an item 0 in front gives every segment the color of the one before.

    `series_uid` is that of the source: with the names it makes the tracking UID of a segment, so that a second
    export of the same segment has the same.
    """
    described = [
        _described(number, segmentation.segments[position], segmentation.name, series_uid)
        for position, number in numbers.items()
    ]
    items = b"".join(item(one.content()) for one in described)
    return EncodedSegments(items, all(one.is_ascii for one in described))


def places_in_the_export(positions: Sequence[int]) -> Dataset:
    """Return for each item of the Segment Sequence the place of its segment in the segmentation, from 1 (private).

    Segment Numbers cannot tell it: of several files each begins with 1, and segments without voxels come last. Nothing
    where the order is that of the numbers.
    """
    dataset = Dataset()
    if list(positions) != [*range(len(positions))] and len(positions) <= MOST_PLACES:
        block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
        block.add_new(PRIVATE_PLACES, "US", [position + 1 for position in positions])
    return dataset


@dataclass(frozen=True)
class _Described:
    """What one item says of its segment, every text as it is written."""

    number: int
    label: str
    description: str
    algorithm_type: AlgorithmType
    algorithm_name: str
    codes: SegmentTerminology
    color_lab: tuple[int, ...]
    tracking_id: str
    tracking_uid: str

    @cached_property
    def is_ascii(self) -> bool:
        texts = [self.label, self.description, self.algorithm_name, self.tracking_id]
        texts.extend(text for code in codes_in(self.codes) for text in (code.value, code.scheme, code.meaning))
        return all(map(str.isascii, texts))

    def content(self) -> bytes:
        """Return the item's elements, in the order of their tags.

        Where a text needs UTF-8 the item itself says so. It would inherit it (PS3.5, 7.5.3), but dcmjs, with which
        OHIF reads, does not pass it on to items (https://github.com/dcmjs-org/dcmjs/issues/503) and shows names with
        an umlaut as garbage.
        """
        codes = self.codes
        elements = [b"" if self.is_ascii else text_element(_SPECIFIC_CHARACTER_SET, "CS", UTF_8)]
        if codes.region:
            elements.append(_coded(_ANATOMIC_REGION, codes.region, _ANATOMIC_REGION_MODIFIER, codes.region_modifier))
        elements.append(_coded(_PROPERTY_CATEGORY, codes.category))
        elements.append(element(_SEGMENT_NUMBER, "US", self.number.to_bytes(2, "little")))
        elements.append(text_element(_SEGMENT_LABEL, "LO", self.label))
        if self.description:
            elements.append(text_element(_SEGMENT_DESCRIPTION, "ST", self.description))
        elements.append(text_element(_SEGMENT_ALGORITHM_TYPE, "CS", self.algorithm_type.value))
        if self.algorithm_name:
            elements.append(text_element(_SEGMENT_ALGORITHM_NAME, "LO", self.algorithm_name))
        if self.color_lab:
            elements.append(element(_DISPLAY_CIELAB, "US", struct.pack("<3H", *self.color_lab)))
        elements.append(_coded(_PROPERTY_TYPE, codes.type, _PROPERTY_TYPE_MODIFIER, codes.type_modifier))
        if self.tracking_uid:
            elements.append(text_element(_TRACKING_ID, "UT", self.tracking_id))
            elements.append(text_element(_TRACKING_UID, "UI", self.tracking_uid))
        return b"".join(elements)


def _described(number: int, segment: Segment, segmentation_name: str, series_uid: str) -> _Described:
    label = whole_label(segment.name, number)
    is_manual = segment.algorithm_type is AlgorithmType.MANUAL
    return _Described(
        number=number,
        label=written_label(label),
        description=repaired_value("ST", whole_description(segment, label)).value or "",
        algorithm_type=segment.algorithm_type,
        algorithm_name="" if is_manual else algorithm_name_of(segment) or UNKNOWN_ALGORITHM_NAME,
        codes=written_codes(segment.terminology or TISSUE),
        color_lab=recommended_display_cielab(segment.color_rgb),
        tracking_id=tracking_id_of(segment, label, segmentation_name),
        tracking_uid=tracking_uid(segment, segmentation_name, series_uid),
    )


def _coded(tag: int, code: Code, modifier_tag: int = 0, modifier: Code | None = None) -> bytes:
    """Return a code sequence of one item, with the code that modifies it, if there is one."""
    return sequence(tag, _code_elements(code) + (_coded(modifier_tag, modifier) if modifier else b""))


def _code_elements(code: Code) -> bytes:
    """Return value, scheme and meaning (PS3.3, 8.8); a long code value has an attribute of its own."""
    is_short = len(code.value) <= _SHORT_VALUE_LENGTH
    return (
        (text_element(_CODE_VALUE, "SH", code.value) if is_short else b"")
        + text_element(_CODING_SCHEME_DESIGNATOR, "SH", code.scheme)
        + text_element(_CODE_MEANING, "LO", code.meaning)
        + (b"" if is_short else text_element(_LONG_CODE_VALUE, "UC", code.value))
    )
