"""Segment Sequence (0062,0002): who each segment is, in words and codes (PS3.3, C.8.20.2 and C.8.20.4)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset

from SegRLEExportLib.dataset.cielab import recommended_display_cielab
from SegRLEExportLib.dataset.value_repair import repaired_value
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.segmentation import AlgorithmType, Segment, Segmentation
from SegRLEExportLib.model.terminology import BACKGROUND, TISSUE, Code, SegmentTerminology
from SegRLEExportLib.uids import derived_uid

LABEL_LENGTH = 64
"""Segment Label (0062,0005) is an LO."""

MEANING_LENGTH = 64
VALUE_LENGTH = 16
SCHEME_LENGTH = 16

DESCRIPTION_LENGTH = 1024
"""Segment Description (0062,0006) is an ST."""

UNKNOWN_ALGORITHM_NAME = "unknown"
"""Written where DICOM demands an algorithm name and the segment has none (0062,0009)."""


def segment_items(
    segmentation: Segmentation, positions: tuple[int, ...], series_uid: str, *, with_background: bool
) -> list[Dataset]:
    """Return one item for each position, numbered from 1, behind item 0 for the background of a label map.

    `series_uid` is that of the source: with the names it makes the tracking UID of a segment, so that a second
    export of the same segment has the same.
    """
    items = [_background_item()] if with_background else []
    for number, position in enumerate(positions, start=1):
        items.append(_segment_item(number, segmentation.segments[position], segmentation.name, series_uid))
    return items


def naming_findings(segmentation: Segmentation) -> list[Finding]:
    """Return what is to be said of names and codes before they are written."""
    findings = []
    names = [segment.name for segment in segmentation.segments]
    for name in names:
        if len(one_line(name)) > LABEL_LENGTH:
            findings.append(
                Finding(
                    "long-name",
                    Severity.REPAIR,
                    f"The name has {len(name)} characters, DICOM allows {LABEL_LENGTH}: it is cut in Segment Label and "
                    "whole in Segment Description.",
                    where=name,
                )
            )
    for segment in segmentation.segments:
        findings.extend(_code_findings(segment))
        findings.extend(_cut_findings(segment))
    not_coded = [segment.name for segment in segmentation.segments if segment.terminology is None]
    if not_coded:
        findings.append(
            Finding(
                "not-coded",
                Severity.NOTE,
                "No coded meaning was chosen; written as Tissue (SCT 85756007).",
                where=", ".join(not_coded),
                help="In Slicer, choose a meaning in the Segmentations module (double-click the segment's colour).",
            )
        )
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.append(
            Finding(
                "same-name",
                Severity.NOTE,
                f"{names.count(name)} segments have this name; they differ by segment number and tracking UID.",
                where=name,
            )
        )
    return findings


def _code_findings(segment: Segment) -> Iterator[Finding]:
    if any(not (one_line(code.scheme) and one_line(code.value) and one_line(code.meaning)) for code in _codes(segment)):
        yield Finding(
            "incomplete-code",
            Severity.ERROR,
            "One of its codes lacks a scheme, a value or a meaning, and DICOM demands all three.",
            where=segment.name,
            help="Choose its meaning anew (in Slicer in the Segmentations module, double-click the segment's colour).",
        )


def _cut_findings(segment: Segment) -> Iterator[Finding]:
    cut = [
        what
        for what, texts, limit in (
            ("coding scheme", [code.scheme for code in _codes(segment)], SCHEME_LENGTH),
            ("code meaning", [code.meaning for code in _codes(segment)], MEANING_LENGTH),
            ("algorithm name", [segment.algorithm_name], LABEL_LENGTH),
            ("description", [segment.description], DESCRIPTION_LENGTH),
        )
        if any(len(text) > limit for text in texts)
    ]
    if cut:
        yield Finding(
            "cut-text", Severity.REPAIR, f"Longer than DICOM allows and cut: {', '.join(cut)}.", where=segment.name
        )


def _codes(segment: Segment) -> list[Code]:
    given = segment.terminology or TISSUE
    codes = (given.category, given.type, given.type_modifier, given.region, given.region_modifier)
    return [code for code in codes if code is not None]


def one_line(text: str) -> str:
    """Return the text without line breaks, control characters and backslashes, which an LO cannot hold."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.replace("\\", "/").split())


def code_item(code: Code) -> Dataset:
    """Return the item of a code sequence (PS3.3, 8.8); a long code value has an attribute of its own."""
    item = Dataset()
    value = one_line(code.value)
    if len(value) <= VALUE_LENGTH:
        item.CodeValue = value
    else:
        item.LongCodeValue = value
    item.CodingSchemeDesignator = one_line(code.scheme)[:SCHEME_LENGTH].rstrip()
    item.CodeMeaning = one_line(code.meaning)[:MEANING_LENGTH].rstrip()
    return item


def tracking_uid(segment: Segment, segmentation_name: str, series_uid: str) -> str:
    """Return the Tracking UID (0062,0021): the same for the same segment of the same segmentation."""
    return derived_uid("tracking", series_uid, segmentation_name, segment.id)


def _segment_item(number: int, segment: Segment, segmentation_name: str, series_uid: str) -> Dataset:
    item = Dataset()
    label = one_line(segment.name) or f"Segment {number}"
    item.SegmentNumber = number
    item.SegmentLabel = label[:LABEL_LENGTH].rstrip()
    description = _description(segment, label)
    if description:
        item.SegmentDescription = description
    item.SegmentAlgorithmType = segment.algorithm_type.value
    if segment.algorithm_type is not AlgorithmType.MANUAL or segment.algorithm_name:
        item.SegmentAlgorithmName = one_line(segment.algorithm_name)[:LABEL_LENGTH].rstrip() or UNKNOWN_ALGORITHM_NAME
    _add_codes(item, segment.terminology or TISSUE)
    item.RecommendedDisplayCIELabValue = recommended_display_cielab(segment.color_rgb)
    item.TrackingID = f"{one_line(segmentation_name)}: {label}" if segmentation_name else label
    item.TrackingUID = tracking_uid(segment, segmentation_name, series_uid)
    _say_character_set(item)
    return item


def _say_character_set(item: Dataset) -> None:
    """Say UTF-8 in the item itself, where a text needs it.

    It would inherit it (PS3.5, 7.5.3), but dcmjs, with which OHIF reads, does not pass it on to items
    (https://github.com/dcmjs-org/dcmjs/issues/503) and shows names with an umlaut as garbage.
    """
    if not all(str(element.value).isascii() for element in item):
        item.SpecificCharacterSet = "ISO_IR 192"


def _description(segment: Segment, label: str) -> str:
    """Return Segment Description (ST): the segment's own, behind the whole name if the label had to be cut."""
    parts = [label] if len(label) > LABEL_LENGTH else []
    if segment.description:
        parts.append(segment.description)
    return repaired_value("ST", ". ".join(parts)).value or ""


def _add_codes(item: Dataset, codes: SegmentTerminology) -> None:
    item.SegmentedPropertyCategoryCodeSequence = [code_item(codes.category)]
    property_type = code_item(codes.type)
    if codes.type_modifier:
        property_type.SegmentedPropertyTypeModifierCodeSequence = [code_item(codes.type_modifier)]
    item.SegmentedPropertyTypeCodeSequence = [property_type]
    if codes.region:
        region = code_item(codes.region)
        if codes.region_modifier:
            region.AnatomicRegionModifierSequence = [code_item(codes.region_modifier)]
        item.AnatomicRegionSequence = [region]


def _background_item() -> Dataset:
    item = Dataset()
    item.SegmentNumber = 0
    item.SegmentLabel = "Background"
    item.SegmentAlgorithmType = AlgorithmType.AUTOMATIC.value
    item.SegmentAlgorithmName = "Background"
    _add_codes(item, BACKGROUND)
    return item
