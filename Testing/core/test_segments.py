"""Segment Sequence: names, codes, colours and tracking of each segment (PS3.3, C.8.20.4)."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from builders import LEFT_KIDNEY, LIVER, a_segmentation
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from SegRLEExportLib.dataset import explicit_vr
from SegRLEExportLib.dataset.cielab import recommended_display_cielab
from SegRLEExportLib.dataset.segment_findings import naming_findings
from SegRLEExportLib.dataset.segment_texts import one_line
from SegRLEExportLib.dataset.segments import encoded_segments
from SegRLEExportLib.dataset.tracking import tracking_uid
from SegRLEExportLib.model.segmentation import AlgorithmType
from SegRLEExportLib.model.terminology import Code, SegmentTerminology


def item_of(**what):
    segmentation = a_segmentation()
    segment = replace(segmentation.segments[0], **what)
    (item,) = items_of(replace(segmentation, segments=(segment,)), (0,))
    return item


def items_of(segmentation, positions):
    """Return the items as pydicom reads them, which are as many bytes again as pydicom writes for them."""
    encoded = encoded_segments(segmentation, {one: n for n, one in enumerate(positions, start=1)}, "1.2")
    content = explicit_vr.element(0x00620002, "SQ", encoded.items)
    read = read_dataset(BytesIO(content), is_implicit_VR=False, is_little_endian=True)
    items = list(read.SegmentSequence)
    assert written_by_pydicom(read) == content
    return items


def written_by_pydicom(dataset):
    written = DicomBytesIO()
    written.is_little_endian, written.is_implicit_VR = True, False
    write_dataset(written, dataset)
    return written.getvalue()


def test_a_segment_says_who_it_is():
    item = item_of(name="left kidney", terminology=LEFT_KIDNEY, description="before surgery")

    assert (item.SegmentNumber, item.SegmentLabel, item.SegmentDescription) == (1, "left kidney", "before surgery")
    assert item.SegmentedPropertyCategoryCodeSequence[0].CodeMeaning == "Anatomical Structure"
    kidney = item.SegmentedPropertyTypeCodeSequence[0]
    assert (kidney.CodeValue, kidney.CodingSchemeDesignator, kidney.CodeMeaning) == ("64033007", "SCT", "Kidney")
    assert kidney.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Left"
    assert item.TrackingID == "Segmentation: left kidney"


def test_an_anatomic_region_stands_with_its_modifier():
    region = replace(LIVER, region=Code("SCT", "39607008", "Lung"), region_modifier=Code("SCT", "24028007", "Right"))

    item = item_of(terminology=region)

    lung = item.AnatomicRegionSequence[0]
    assert lung.CodeMeaning == "Lung"
    assert lung.AnatomicRegionModifierSequence[0].CodeMeaning == "Right"


def test_without_region_or_modifier_no_sequence_is_written():
    item = item_of(terminology=LIVER)

    assert "AnatomicRegionSequence" not in item
    assert "SegmentedPropertyTypeModifierCodeSequence" not in item.SegmentedPropertyTypeCodeSequence[0]


@pytest.mark.parametrize(
    ("algorithm_type", "name", "written"),
    [
        pytest.param(AlgorithmType.MANUAL, "", None, id="manual needs no name"),
        pytest.param(AlgorithmType.MANUAL, "Paint", None, id="manual must not have one"),
        pytest.param(AlgorithmType.SEMIAUTOMATIC, "", "unknown", id="semiautomatic needs one"),
        pytest.param(AlgorithmType.AUTOMATIC, "x" * 70, "x" * 64, id="64 characters at most"),
    ],
)
def test_the_algorithm_has_a_name_where_dicom_asks_for_one(algorithm_type, name, written):
    item = item_of(algorithm_type=algorithm_type, algorithm_name=name)

    assert item.SegmentAlgorithmType == algorithm_type.value
    assert item.get("SegmentAlgorithmName") == written


def test_items_are_numbered_from_1_in_the_order_of_the_positions():
    items = items_of(a_segmentation(), (1, 0))

    assert [item.SegmentNumber for item in items] == [1, 2]
    assert [item.SegmentLabel for item in items] == ["left kidney", "liver"]


class TestTracking:
    def test_stays_when_a_segment_is_renamed(self):
        segment = a_segmentation().segments[0]

        assert tracking_uid(segment, "S", "1.2") == tracking_uid(replace(segment, name="else"), "S", "1.2")

    @pytest.mark.parametrize(("name", "series"), [("other", "1.2"), ("S", "1.3")])
    def test_differs_for_another_segmentation_or_series(self, name, series):
        segment = a_segmentation().segments[0]

        assert tracking_uid(segment, "S", "1.2") != tracking_uid(segment, name, series)

    def test_of_an_item_is_that_of_its_segment_and_series(self):
        segmentation = a_segmentation()

        items = items_of(segmentation, (1, 0))

        assert [item.TrackingUID for item in items] == [
            tracking_uid(segmentation.segments[position], "Segmentation", "1.2") for position in (1, 0)
        ]

    def test_is_the_same_on_every_machine(self):
        assert tracking_uid(a_segmentation().segments[0], "S", "1.2") == "2.25.62330132191557076810216237012310513568"


class TestNames:
    def test_findings_name_each_segment_once(self):
        segmentation = a_segmentation(names=["x" * 65, "same"], terminologies=[None, LIVER])
        twice = replace(
            segmentation, segments=(*segmentation.segments, replace(segmentation.segments[1], layer_value=2))
        )

        found = {finding.id: finding for finding in naming_findings(twice)}

        assert found.keys() == {"long-name", "not-coded", "same-name"}
        assert found["long-name"].where == found["not-coded"].where == "x" * 65
        assert "65 characters, DICOM allows 64" in found["long-name"].what
        assert found["same-name"].what.startswith("2 segments have this name")

    @pytest.mark.parametrize(
        ("what", "finding_id", "told"),
        [
            ({"name": "x" * 1025}, "long-name", "cut in Segment Description, too"),
            ({"name": "x" * 100, "description": "y" * 1000}, "cut-text", "cut: description."),
            ({"algorithm_name": "a" * 65}, "cut-text", "cut: algorithm name."),
            ({"name": "a\\b"}, "changed-text", "name written as 'a/b'"),
            ({"algorithm_name": "net\x1b2"}, "changed-text", "algorithm name written as 'net 2'"),
            ({"terminology": replace(LIVER, type=Code("SCT", "1\\2", "m"))}, "unwritable-code", "'1\\\\2'"),
        ],
    )
    def test_what_is_written_otherwise_than_it_was_is_told(self, what, finding_id, told):
        assert told in self.findings(**what)[finding_id].what

    @pytest.mark.parametrize(
        "what",
        [{"description": "a " * 500}, {"algorithm_name": " " * 65 + "a"}, {"name": "  a \n b  "}, {"name": " "}],
        ids=["description that fits", "blanks before an algorithm", "blanks in a name", "blank name"],
    )
    def test_what_is_written_as_it_was_is_not_told(self, what):
        assert self.findings(**what).keys() == {"not-coded"}

    def test_names_that_are_the_same_once_they_are_cut_are_told(self):
        segmentation = a_segmentation(names=["x" * 64 + "a", "x" * 64 + "b"])

        assert [f.where for f in naming_findings(segmentation) if f.id == "same-name"] == ["x" * 64]

    def test_sixty_five_thousand_segments_are_looked_at_once_each(self):
        segment = replace(a_segmentation().segments[0], terminology=LIVER)
        many = replace(a_segmentation(), segments=())
        object.__setattr__(many, "segments", tuple(replace(segment, name=f"n{n}") for n in range(65535)))

        assert naming_findings(many) == []

    @pytest.mark.parametrize(
        ("what", "finding_id", "told"),
        [
            (
                {"algorithm_type": AlgorithmType.AUTOMATIC},
                "algorithm-without-name",
                "What is AUTOMATIC needs the name of its algorithm, and none is told; 'unknown' is written.",
            ),
            (
                {"algorithm_type": AlgorithmType.MANUAL, "algorithm_name": "Paint"},
                "manual-with-algorithm",
                "What is MANUAL has no algorithm in DICOM (PS3.3, C.8.20.4), so the name of one is not written.",
            ),
        ],
    )
    def test_an_algorithm_that_does_not_fit_its_type_is_told(self, what, finding_id, told):
        assert self.findings(**what)[finding_id].what == told

    @pytest.mark.parametrize(
        "what",
        [
            {"algorithm_type": AlgorithmType.AUTOMATIC, "algorithm_name": "net"},
            {"algorithm_type": AlgorithmType.MANUAL},
            {"algorithm_type": AlgorithmType.SEMIAUTOMATIC},
        ],
        ids=["automatic with its name", "manual without one", "nothing told"],
    )
    def test_an_algorithm_that_fits_its_type_is_not_told(self, what):
        assert self.findings(**what).keys() == {"not-coded"}

    @pytest.mark.parametrize(
        ("what", "told"),
        [
            (
                {"code_faults": ("its type 'SCT^1^' lacks a meaning",)},
                "Its type 'SCT^1^' lacks a meaning, so its codes are left out; written as Tissue (SCT 85756007).",
            ),
            (
                {"code_faults": ("its region 'SCT^^x' lacks a value",), "terminology": LIVER},
                "Its region 'SCT^^x' lacks a value, so it is left out.",
            ),
            (
                {"code_faults": ("its type modifier 'a' is no code", "its region 'b' is none"), "terminology": LIVER},
                "Its type modifier 'a' is no code; its region 'b' is none, so they are left out.",
            ),
        ],
        ids=["all", "one", "two"],
    )
    def test_codes_that_lack_a_part_are_told_and_count_as_chosen(self, what, told):
        found = self.findings(**what)

        assert found.keys() == {"incomplete-code"}
        assert found["incomplete-code"].what == told

    def findings(self, **what):
        segmentation = a_segmentation()
        segment = replace(segmentation.segments[0], **{"terminology": None, **what})
        return {finding.id: finding for finding in naming_findings(replace(segmentation, segments=(segment,)))}

    @pytest.mark.parametrize(
        ("text", "line"),
        [("a\nb", "a b"), ("a\\b", "a/b"), ("  a  b ", "a b"), ("\x00\x1b", ""), ("日本", "日本"), ("a\u2028b", "a b")],
    )
    def test_are_made_one_line(self, text, line):
        assert one_line(text) == line


def type_coded(code):
    """Return the item of the code that says what a segment is."""
    return item_of(terminology=replace(LIVER, type=code)).SegmentedPropertyTypeCodeSequence[0]


class TestCodes:
    def test_longer_than_16_characters_have_an_attribute_of_their_own(self):
        item = type_coded(Code("99X", "1234567890123456789", "m" * 70))

        assert "CodeValue" not in item
        assert item.LongCodeValue == "1234567890123456789"
        assert item.CodeMeaning == "m" * 64

    def test_of_16_characters_are_code_values(self):
        assert type_coded(Code("SCT", "1234567890123456", "m")).CodeValue == "1234567890123456"


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        pytest.param((0, 0, 0), (0, 50, 50), id="black"),
        pytest.param((1, 1, 1), (100, 50, 50), id="white"),
        pytest.param((1, 0, 0), (53.2, 81.6, 76.5), id="red"),
        pytest.param((0, 1, 0), (87.7, 16.4, 82.8), id="green"),
        pytest.param((0, 0, 1), (32.3, 81.2, 7.9), id="blue"),
        pytest.param((2, -1, 0), (53.2, 81.6, 76.5), id="out of range is cut"),
    ],
)
def test_known_colours_in_percent_of_their_range(rgb, lab):
    assert [value / 655.35 for value in recommended_display_cielab(rgb)] == pytest.approx(lab, abs=0.3)


class TestCharacters:
    @pytest.mark.parametrize(
        "what",
        [
            {"name": "Größe"},
            {"description": "左"},
            {"algorithm_name": "é"},
            {"terminology": replace(LIVER, region=Code("SCT", "1", "Ü"), region_modifier=None)},
            {
                "terminology": replace(
                    LIVER, region=Code("SCT", "1", "U"), region_modifier=Code("SCT", "2", "rechts/右")
                )
            },
        ],
        ids=str,
    )
    def test_beyond_ascii_are_utf_8_and_the_item_says_so(self, what):
        item = item_of(**what)

        assert item.SpecificCharacterSet == "ISO_IR 192"
        assert any(text in str(item) for text in ("Größe", "左", "é", "Ü", "rechts/右"))

    @pytest.mark.parametrize("meaning", ["Liver\u2028left", "m" * 64 + "ü"], ids=["made one line", "cut off"])
    def test_that_are_not_written_need_no_character_set(self, meaning):
        segmentation = a_segmentation(terminologies=[replace(LIVER, type=Code("SCT", "1", meaning))] * 2)

        assert encoded_segments(segmentation, {0: 1, 1: 2}, "1.2").is_ascii
        assert not any("SpecificCharacterSet" in item for item in items_of(segmentation, (0, 1)))

    def test_of_ascii_need_no_character_set(self):
        assert "SpecificCharacterSet" not in item_of(description="plain")


def test_terminology_with_every_part_is_written_whole():
    everything = SegmentTerminology(*[Code("99T", str(n), f"part {n}") for n in range(5)])

    item = item_of(terminology=everything)

    assert str(item).count("part ") == 5
