"""Slicer's terminology tag, seven parts joined by `~`, read into codes."""

from __future__ import annotations

import pytest
from SegRLEExportLib.model.terminology import Code, SegmentTerminology, parse_slicer_terminology

CATEGORY, KIDNEY = Code("SCT", "123037004", "Anatomical Structure"), Code("SCT", "64033007", "Kidney")

WHOLE = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure"
    "~SCT^64033007^Kidney~SCT^7771000^Left~Anatomic codes - DICOM master list~SCT^39607008^Lung~SCT^24028007^Right"
)


def test_every_part_is_read():
    assert parse_slicer_terminology(WHOLE) == SegmentTerminology(
        CATEGORY,
        KIDNEY,
        Code("SCT", "7771000", "Left"),
        Code("SCT", "39607008", "Lung"),
        Code("SCT", "24028007", "Right"),
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("c~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney~^^~a~^^~^^", id="empty codes"),
        pytest.param("c~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney", id="parts left out"),
        pytest.param("c~ SCT ^ 123037004 ^ Anatomical Structure ~SCT^64033007^Kidney~~~~", id="spaces"),
        pytest.param(
            "c~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney~~a~^^~SCT^24028007^Right",
            id="a modifier without a region",
        ),
    ],
)
def test_category_and_type_alone_suffice(text):
    assert parse_slicer_terminology(text) == SegmentTerminology(CATEGORY, KIDNEY)


@pytest.mark.parametrize(
    "text",
    ["", "~~~~~~", "c~SCT^1^x", "c~~SCT^1^x", "c~SCT^1~SCT^1^x", "c~SCT^^x~SCT^1^x", "c~SCT^1^x^y~SCT^1^x"],
)
def test_without_a_whole_category_and_type_there_is_no_terminology(text):
    assert parse_slicer_terminology(text) is None
