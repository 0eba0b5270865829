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
    assert parse_slicer_terminology(WHOLE).terminology == SegmentTerminology(
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
    assert parse_slicer_terminology(text).terminology == SegmentTerminology(CATEGORY, KIDNEY)


@pytest.mark.parametrize(
    "text",
    ["", "~~~~~~", "c~SCT^1^x", "c~~SCT^1^x", "c~SCT^1~SCT^1^x", "c~SCT^^x~SCT^1^x", "c~SCT^1^x^y~SCT^1^x"],
)
def test_without_a_whole_category_and_type_there_is_no_terminology(text):
    assert parse_slicer_terminology(text).terminology is None


@pytest.mark.parametrize("text", ["", "~~~~~~", "c~^^~^^~^^~a~^^~^^", WHOLE])
def test_what_is_whole_or_not_there_has_no_fault(text):
    assert parse_slicer_terminology(text).faults == ()


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param("c~SCT^1^x~SCT^10200004^", ("its type 'SCT^10200004^' lacks a meaning",), id="no meaning"),
        pytest.param("c~^^x~SCT^1^y", ("its category '^^x' lacks a scheme and a value",), id="a meaning alone"),
        pytest.param(
            "c~SCT^1~SCT^^y",
            ("its category 'SCT^1' is no code of a scheme, a value and a meaning", "its type 'SCT^^y' lacks a value"),
            id="both",
        ),
        pytest.param("c~SCT^1^x", ("it has codes (SCT^1^x), but none for its type",), id="a category alone"),
        pytest.param("c~~SCT^1^y", ("it has codes (SCT^1^y), but none for its category",), id="a type alone"),
        pytest.param(
            "c~~~~a~SCT^1^Lung",
            ("it has codes (SCT^1^Lung), but none for its category and its type",),
            id="a region alone",
        ),
        pytest.param(
            "c~SCT^1^x~SCT^2^y~SCT^7771000^~a~SCT^^z",
            ("its type modifier 'SCT^7771000^' lacks a meaning", "its region 'SCT^^z' lacks a value"),
            id="what can be left out",
        ),
        pytest.param(
            "c~SCT^1^x~SCT^2^y~~a~^^~SCT^24028007^Right",
            ("its region modifier 'SCT^24028007^Right' modifies no region",),
            id="a modifier without a region",
        ),
    ],
)
def test_what_is_left_out_is_told(text, faults):
    assert parse_slicer_terminology(text).faults == faults
