"""Segment Sequence (0062,0002): who each segment is, in words and codes (PS3.3, C.8.20.2 and C.8.20.4).

Written as bytes: a hundred segments take 3 ms so, and 43 as pydicom datasets. That would be a tenth of an export, and a
forecast, which the panel makes anew whenever something is chosen, writes them once for each encoding.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pydicom import Dataset

from SegRLEExportLib.dataset.cielab import recommended_display_cielab
from SegRLEExportLib.dataset.explicit_vr import UTF_8, element, item, sequence, text_element
from SegRLEExportLib.dataset.repair import repaired_value
from SegRLEExportLib.model.counted import first_of
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import AlgorithmType, Segment, Segmentation
from SegRLEExportLib.model.terminology import TISSUE, Code, SegmentTerminology
from SegRLEExportLib.uids import derived_uid, is_standard_uid

LABEL_LENGTH = 64
"""Segment Label (0062,0005) is an LO."""

MEANING_LENGTH = 64
VALUE_LENGTH = 16
SCHEME_LENGTH = 16

DESCRIPTION_LENGTH = 1024
"""Segment Description (0062,0006) is an ST."""

UNKNOWN_ALGORITHM_NAME = "unknown"
"""Written where DICOM demands an algorithm name and the segment has none (0062,0009)."""

PRIVATE_GROUP = 0x0063
PRIVATE_CREATOR = "SegRLEExport"
PRIVATE_PLACES = 0x01
"""Our only private attribute, a US: (0063,xx01), behind the Segment Sequence."""

MOST_PLACES = 32767
"""A US of more values has no length in Explicit VR (PS3.5, 7.1.2)."""

_NAMES_SHOWN = 3

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


def naming_findings(segmentation: Segmentation) -> list[Finding]:
    """Return what is to be said of names and codes before they are written."""
    findings: list[Finding] = []
    for segment in segmentation.segments:
        findings.extend(_long_name_findings(segment))
        findings.extend(_code_findings(segment))
        findings.extend(_cut_findings(segment))
        findings.extend(_bent_findings(segment))
        findings.extend(_tracking_findings(segment))
    findings.extend(incomplete_code_findings(segmentation, instead="; written as Tissue (SCT 85756007)"))
    findings.extend(_common_findings(segmentation))
    findings.extend(_same_name_findings(segmentation))
    return findings


def incomplete_code_findings(segmentation: Segmentation, instead: str = "") -> Iterator[Finding]:
    """Tell codes that were given and are left out, and what is written `instead` where a segment has no others."""
    for segment in segmentation.segments:
        if segment.code_faults:
            told = "; ".join(segment.code_faults)
            are_left_out = "they are left out" if len(segment.code_faults) > 1 else "it is left out"
            rest = are_left_out if segment.terminology else f"its codes are left out{instead}"
            yield Finding(
                "incomplete-code",
                Severity.WARNING,
                f"{told[0].upper()}{told[1:]}, so {rest}.",
                where=segment.name,
                help=Remedy.CHOOSE_MEANING_ANEW.value,
            )


def _common_findings(segmentation: Segmentation) -> Iterator[Finding]:
    """Tell what is mostly true of all segments, once."""
    segments = segmentation.segments
    not_coded = Finding(
        "not-coded",
        Severity.NOTE,
        "No coded meaning was chosen; written as Tissue (SCT 85756007).",
        help=Remedy.CHOOSE_MEANING.value,
    )
    uncoded = [one.name for one in segments if one.terminology is None and not one.code_faults]
    yield from _of_segments(not_coded, uncoded)
    nameless = Finding(
        "algorithm-without-name",
        Severity.NOTE,
        f"What is AUTOMATIC needs the name of its algorithm, and none is told; '{UNKNOWN_ALGORITHM_NAME}' is written.",
        help=Remedy.ALGORITHM_NAME.value,
    )
    automatic = [one for one in segments if one.algorithm_type is AlgorithmType.AUTOMATIC]
    yield from _of_segments(nameless, [one.name for one in automatic if not _algorithm_name(one)])
    named = Finding(
        "manual-with-algorithm",
        Severity.WARNING,
        "What is MANUAL has no algorithm in DICOM (PS3.3, C.8.20.4), so the name of one is not written.",
        help=Remedy.ALGORITHM_TYPE.value,
    )
    manual = [one for one in segments if one.algorithm_type is AlgorithmType.MANUAL]
    yield from _of_segments(named, [one.name for one in manual if _algorithm_name(one)])


def _of_segments(finding: Finding, names: list[str]) -> Iterator[Finding]:
    """Yield what is true of the segments of those names, if there are any."""
    if names:
        yield replace(finding, where=first_of(names, _NAMES_SHOWN), details=tuple(names))


def _long_name_findings(segment: Segment) -> Iterator[Finding]:
    """Tell a name that Segment Label cannot hold, and whether Segment Description holds it whole."""
    name = one_line(segment.name)
    if len(name) <= LABEL_LENGTH:
        return
    place = "whole in Segment Description" if len(name) <= DESCRIPTION_LENGTH else "cut in Segment Description, too"
    yield Finding(
        "long-name",
        Severity.REPAIR,
        f"The name has {len(name)} characters, DICOM allows {LABEL_LENGTH}: it is cut in Segment Label and {place}.",
        where=segment.name,
    )


def _same_name_findings(segmentation: Segmentation) -> Iterator[Finding]:
    """Tell names that are the same as they are written: also those that differ only where they are cut."""
    labels = Counter(label for segment in segmentation.segments if (label := written_label(segment.name)))
    for label in sorted(label for label, count in labels.items() if count > 1):
        yield Finding(
            "same-name",
            Severity.NOTE,
            f"{labels[label]} segments have this name; they differ by segment number and tracking UID.",
            where=label,
        )


def _code_findings(segment: Segment) -> Iterator[Finding]:
    """Refuse codes that lack a part, and those whose value would be another one once it is written."""
    codes = _codes_of(segment)
    help_text = Remedy.CHOOSE_MEANING_ANEW.value
    if any(not (one_line(code.scheme) and one_line(code.value) and one_line(code.meaning)) for code in codes):
        yield Finding(
            "incomplete-code",
            Severity.ERROR,
            "One of its codes lacks a scheme, a value or a meaning, and DICOM demands all three.",
            where=segment.name,
            help=help_text,
        )
    for code in codes:
        if one_line(code.value) and one_line(code.value) != code.value.strip():
            yield Finding(
                "unwritable-code",
                Severity.ERROR,
                f"The code value {code.value!r} has characters that DICOM does not allow in one.",
                where=segment.name,
                help=help_text,
            )


def _cut_findings(segment: Segment) -> Iterator[Finding]:
    codes = _codes_of(segment)
    lengths = (
        ("coding scheme", max(len(one_line(code.scheme)) for code in codes), SCHEME_LENGTH),
        ("code meaning", max(len(one_line(code.meaning)) for code in codes), MEANING_LENGTH),
        ("algorithm name", len(one_line(segment.algorithm_name)), LABEL_LENGTH),
        ("description", _description_length(segment), DESCRIPTION_LENGTH),
    )
    cut = [what for what, length, limit in lengths if length > limit]
    if cut:
        yield Finding(
            "cut-text", Severity.REPAIR, f"Longer than DICOM allows and cut: {', '.join(cut)}.", where=segment.name
        )


def _description_length(segment: Segment) -> int:
    """Return the characters of the description behind a name that is too long for its place; 0 if there is none."""
    return len(_whole_description(segment, one_line(segment.name))) if segment.description else 0


def _bent_findings(segment: Segment) -> Iterator[Finding]:
    """Tell texts in which characters change: a backslash separates values in DICOM, and controls are not allowed."""
    texts = [("name", segment.name), ("algorithm name", segment.algorithm_name)]
    texts.extend(("code meaning", code.meaning) for code in _codes_of(segment))
    bent = [
        f"{what} written as '{one_line(text)}'"
        for what, text in texts
        if _without_blanks(text) != _without_blanks(one_line(text))
    ]
    if bent:
        yield Finding(
            "changed-text",
            Severity.REPAIR,
            f"It has characters that DICOM does not allow there: {', '.join(bent)}.",
            where=segment.name,
        )


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def _codes_of(segment: Segment) -> list[Code]:
    return _codes(segment.terminology or TISSUE)


def _codes(given: SegmentTerminology) -> list[Code]:
    codes = (given.category, given.type, given.type_modifier, given.region, given.region_modifier)
    return [code for code in codes if code is not None]


def one_line(text: str) -> str:
    """Return the text without line breaks, control characters and backslashes, which an LO cannot hold."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(text.replace("\\", "/").split())


def tracking_uid(segment: Segment, segmentation_name: str, series_uid: str) -> str:
    """Return the Tracking UID (0062,0021): the same for the same segment of the same segmentation.

    One that the segment has is kept, as it says that this is the thing which another file segments.
    """
    return _own_tracking_uid(segment) or derived_uid("tracking", series_uid, segmentation_name, segment.id)


def _own_tracking_uid(segment: Segment) -> str:
    """Return the Tracking UID that was given, without blanks around it; empty if none was, or it is no UID."""
    text = one_line(segment.tracking_uid)
    return text if is_standard_uid(text) and "." in text else ""


def _tracking_findings(segment: Segment) -> Iterator[Finding]:
    """Tell a Tracking UID that names nothing, so that another is written."""
    given = one_line(segment.tracking_uid)
    if given and not _own_tracking_uid(segment):
        yield Finding(
            "unusable-tracking-uid",
            Severity.REPAIR,
            f"The Tracking UID '{given[:64]}' that it was given is no UID; one is made of the names.",
            where=segment.name,
        )


def tracked_once(segmentation: Segmentation, series_uid: str) -> Segmentation:
    """Return the segmentation with a Tracking UID for the first segment alone that has it; a copy is another thing.

    Files that were joined, and copies of a segment, have some twice. A finding tells whose were replaced.
    """
    taken: set[str] = set()
    segments, copies = [], []
    for segment in segmentation.segments:
        uid = tracking_uid(segment, segmentation.name, series_uid)
        if uid in taken:
            copies.append(segment.name)
            uid = derived_uid("tracking", series_uid, segmentation.name, segment.id, uid)
            segment = replace(segment, tracking_id="", tracking_uid=uid)
        taken.add(uid)
        segments.append(segment)
    told = Finding(
        "tracked-twice", Severity.NOTE, "A segment before it has the same Tracking UID, so it gets a new one."
    )
    findings = (*segmentation.findings, *_of_segments(told, copies))
    return replace(segmentation, segments=tuple(segments), findings=findings)


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
        texts.extend(text for code in _codes(self.codes) for text in (code.value, code.scheme, code.meaning))
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
    whole_label = _whole_label(segment.name, number)
    is_manual = segment.algorithm_type is AlgorithmType.MANUAL
    return _Described(
        number=number,
        label=written_label(whole_label),
        description=repaired_value("ST", _whole_description(segment, whole_label)).value or "",
        algorithm_type=segment.algorithm_type,
        algorithm_name="" if is_manual else _algorithm_name(segment) or UNKNOWN_ALGORITHM_NAME,
        codes=_written_codes(segment.terminology or TISSUE),
        color_lab=recommended_display_cielab(segment.color_rgb),
        tracking_id=_tracking_id(segment, whole_label, segmentation_name),
        tracking_uid=tracking_uid(segment, segmentation_name, series_uid),
    )


def _algorithm_name(segment: Segment) -> str:
    """Return what was told for Segment Algorithm Name (0062,0009), as it fits; empty where nothing was."""
    return one_line(segment.algorithm_name)[:LABEL_LENGTH].rstrip()


def _whole_label(name: str, number: int) -> str:
    return one_line(name) or f"Segment {number}"


def label_of(name: str, number: int) -> str:
    """Return the Segment Label (0062,0005) of a segment of that name and Segment Number."""
    return written_label(_whole_label(name, number))


def _tracking_id(segment: Segment, label: str, segmentation_name: str) -> str:
    if segment.tracking_uid and one_line(segment.tracking_id):
        return one_line(segment.tracking_id)
    return f"{one_line(segmentation_name)}: {label}" if segmentation_name else label


def written_label(name: str) -> str:
    """Return what Segment Label (0062,0005) says of a name: one line, cut; empty if the name is blank."""
    return one_line(name)[:LABEL_LENGTH].rstrip()


def _whole_description(segment: Segment, label: str) -> str:
    """Return the segment's own description, behind the whole name if the label had to be cut; not cut itself."""
    parts = [label] if len(label) > LABEL_LENGTH else []
    if segment.description:
        parts.append(segment.description)
    return ". ".join(parts)


def _written_codes(given: SegmentTerminology) -> SegmentTerminology:
    return SegmentTerminology(
        _written_code(given.category),
        _written_code(given.type),
        *(code and _written_code(code) for code in (given.type_modifier, given.region, given.region_modifier)),
    )


def _written_code(code: Code) -> Code:
    """Return the code in one line each, scheme and meaning as long as DICOM allows."""
    return Code(
        one_line(code.scheme)[:SCHEME_LENGTH].rstrip(),
        one_line(code.value),
        one_line(code.meaning)[:MEANING_LENGTH].rstrip(),
    )


def _coded(tag: int, code: Code, modifier_tag: int = 0, modifier: Code | None = None) -> bytes:
    """Return a code sequence of one item, with the code that modifies it, if there is one."""
    return sequence(tag, _code_elements(code) + (_coded(modifier_tag, modifier) if modifier else b""))


def _code_elements(code: Code) -> bytes:
    """Return value, scheme and meaning (PS3.3, 8.8); a long code value has an attribute of its own."""
    is_short = len(code.value) <= VALUE_LENGTH
    return (
        (text_element(_CODE_VALUE, "SH", code.value) if is_short else b"")
        + text_element(_CODING_SCHEME_DESIGNATOR, "SH", code.scheme)
        + text_element(_CODE_MEANING, "LO", code.meaning)
        + (b"" if is_short else text_element(_LONG_CODE_VALUE, "UC", code.value))
    )
