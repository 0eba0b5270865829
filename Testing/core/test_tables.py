"""Tables of names, codes and colours: every form that is read, how rows meet segments, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from builders import A_GRID, LEFT_KIDNEY, LIVER, a_segmentation
from file_builders import a_nifti
from hypothesis import given
from hypothesis import strategies as st
from SegRLEExportLib.errors import SegmentTableError
from SegRLEExportLib.files.read import read_segmentation
from SegRLEExportLib.files.tables.delimited import read_delimited, written_table
from SegRLEExportLib.files.tables.describe import described, with_algorithm
from SegRLEExportLib.files.tables.read import read_table
from SegRLEExportLib.files.tables.row import SegmentRow, SegmentTable, row_of
from SegRLEExportLib.files.tables.totalsegmentator import own_table
from SegRLEExportLib.model.segmentation import AlgorithmType, Layer, Segment, Segmentation
from SegRLEExportLib.model.terminology import Code, SegmentTerminology


def a_label_map(*names_and_values: tuple[str, int]) -> Segmentation:
    segments = tuple(Segment(f"id{value}", name, 0, value) for name, value in names_and_values)
    return Segmentation("map", (Layer(np.ones(A_GRID.shape_kji, np.uint8), A_GRID),), segments)


UNNAMED = a_label_map(("Label 1", 1), ("Label 2", 2), ("Label 3", 3))


def table(folder, text: str, name: str = "names.csv") -> SegmentTable:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path)


def refusal(folder, text: str) -> str:
    with pytest.raises(SegmentTableError) as caught:
        table(folder, text)
    return str(caught.value).partition(" Give a table")[0].replace(str(folder / "names.csv"), "names.csv")


class TestDelimited:
    def test_all_columns(self, tmp_path):
        row = table(
            tmp_path,
            "value,name,category,type,modifier,region,region modifier,colour,algorithm,description\n"
            "3,left kidney,SCT 123037004 Anatomical Structure,SCT^64033007^Kidney,SCT 7771000 Left,"
            "SCT 818983003 Abdomen,SCT 51440002 Both sides,#ff8000,AUTOMATIC TotalSegmentator 2.4,seen twice\n",
        ).rows[0]

        assert row == SegmentRow(
            3,
            "left kidney",
            SegmentTerminology(
                LEFT_KIDNEY.category,
                LEFT_KIDNEY.type,
                LEFT_KIDNEY.type_modifier,
                Code("SCT", "818983003", "Abdomen"),
                Code("SCT", "51440002", "Both sides"),
            ),
            (1, 128 / 255, 0),
            "seen twice",
            AlgorithmType.AUTOMATIC,
            "TotalSegmentator 2.4",
            2,
        )

    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_every_separator_and_encoding_of_spreadsheets(self, tmp_path, separator, encoding):
        text = "Label;Name;R;G;B\n1;Läsion;255;0;51\n".replace(";", separator)
        assert table(tmp_path, text.encode(encoding)).rows == (SegmentRow(1, "Läsion", color_rgb=(1, 0, 0.2), line=2),)

    @pytest.mark.parametrize(("text", "color"), [("1.0 0 0.5", (1, 0, 0.5)), ("(255 0 51)", (1, 0, 0.2))])
    def test_colors_of_both_ranges(self, tmp_path, text, color):
        assert table(tmp_path, f"name\tcolor\na\t{text}\n").rows[0].color_rgb == color

    def test_codes_in_three_columns_each(self, tmp_path):
        text = (
            "name,value,category scheme,category value,category meaning,"
            "SegmentedPropertyTypeCodeSequence.CodingSchemeDesignator,SegmentedPropertyTypeCodeSequence.CodeValue,"
            "SegmentedPropertyTypeCodeSequence.CodeMeaning\n"
            "liver,1,SCT,123037004,Anatomical Structure,SCT,10200004,Liver\n"
        )
        assert table(tmp_path, text).rows[0].terminology == LIVER

    def test_comments_blank_lines_and_the_background_are_left_out(self, tmp_path):
        text = "# mine\n\nvalue,name\n0,background\n\n# next\n2,b\n"
        assert table(tmp_path, text).rows == (SegmentRow(2, "b", line=7),)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("value,name\n1,a\n1,b\n", ", line 3 … the value 1 comes twice, first in line 2."),
            ('value,name\n1,"a\n2,b\n', ", line 2 … a quotation mark is not closed."),
            ("value,name\n1.5,a\n", ", line 2 … '1.5' is no label value, a whole number from 0 to 65535."),
            ("value,name\n70000,a\n", ", line 2 … '70000' is no label value, a whole number from 0 to 65535."),
            ("value,name,color\n1,a,red\n", ", line 2 … 'red' is no colour such as #ff8000 or 255 128 0."),
            ("value,name,color\n1,a,1 2 300\n", ", line 2 … '1 2 300' is no colour of three numbers from 0 to 255."),
            (
                "value,name,category,type\n1,a,SCT 1 Tissue,Liver\n",
                ", line 2 … 'Liver' is no code of a scheme, a value and a meaning, "
                "such as SCT 10200004 Liver.",
            ),
            ("value,name,type\n1,a,SCT 1 b\n", ", line 2 … it has codes, but none for its category."),
            (
                "value,name,category,type,region modifier\n1,a,SCT 1 b,SCT 1 b,SCT 1 b\n",
                ", line 2 … it has a code that modifies its region, but none for the region.",
            ),
            (
                "value,name,algorithm\n1,a,magic\n",
                ", line 2 … 'magic' is no algorithm type; MANUAL, SEMIAUTOMATIC, AUTOMATIC are possible.",
            ),
            ("value,name\n1,a,c\n", ", line 2 … it has 3 cells, and the header has 2."),
            ("value,name\n,\n,,\n", " … it has no row."),
            ("value,name,color\n,,#ffffff\n", ", line 2 … it has neither a value nor a name."),
            ('value,name\n1,a\n2,"b\n3,c\n', ", line 3 … a quotation mark is not closed."),
            ("value,label,name\n1,2,a\n", ", line 1 … its header has two columns for 'value'."),
            ("hello", " … it has none of the forms that are known."),
            (b"value,name\n1,L\xe4sion\n", ", line 2 … it has bytes that are not UTF-8; save it as UTF-8."),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_refused_with_its_line(self, tmp_path, text, told):
        assert refusal(tmp_path, text) == f"The table of segments names.csv{told.replace(' …', ' cannot be used:')}"

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(SegmentTableError, match="there is no such file"):
            read_table(tmp_path / "names.csv")


words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9)
code_words = words.filter(lambda word: "^" not in word)
codes = st.builds(Code, code_words, code_words, st.lists(code_words, min_size=1, max_size=3).map(" ".join))
rows = st.builds(
    SegmentRow,
    st.integers(1, 65535),
    words.filter(lambda word: not word.startswith("#")),
    st.none() | st.builds(SegmentTerminology, codes, codes, st.none() | codes, codes, st.none() | codes),
    st.none() | st.tuples(*[st.integers(0, 255).map(lambda part: part / 255)] * 3),
    st.just("") | words,
    st.sampled_from(AlgorithmType),
    st.just("") | words,
)


@given(st.lists(rows, min_size=1, max_size=5, unique_by=lambda row: row.value))
def test_a_written_table_is_read_as_the_same(written):
    read = read_delimited(written_table(written), "t").rows
    assert read == tuple(SegmentRow(**{**vars(row), "line": n}) for n, row in enumerate(written, start=2))


def test_the_rows_of_a_segmentation_say_all_that_it_says():
    segmentation = a_segmentation()
    again = described(
        replace(segmentation, segments=tuple(Segment(s.id, s.name, s.layer_index, 1) for s in segmentation.segments)),
        SegmentTable("t", tuple(row_of(segment, n) for n, segment in enumerate(segmentation.segments, start=1))),
    )  # fmt: skip
    assert again.segments == segmentation.segments


class TestMeeting:
    def names(self, segmentation, *rows):
        return [segment.name for segment in described(segmentation, SegmentTable("t", rows)).segments]

    def test_values_where_the_labels_have_no_names(self):
        assert self.names(UNNAMED, SegmentRow(2, "b"), SegmentRow(1, "a")) == ["a", "b", "Label 3"]

    def test_names_where_values_are_numbered_otherwise(self):
        named = a_label_map(("spleen", 1), ("liver", 2))
        table = SegmentTable("t", (SegmentRow(2, "Spleen", LIVER), SegmentRow(5, "liver", LEFT_KIDNEY)))
        assert [one.terminology for one in described(named, table).segments] == [LIVER, LEFT_KIDNEY]

    def test_a_new_name_for_a_value_where_the_others_agree(self):
        named = a_label_map(("spleen", 1), ("liver", 2))
        assert self.names(named, SegmentRow(1, "spleen"), SegmentRow(2, "liver, mended")) == ["spleen", "liver, mended"]

    def test_codes_of_a_row_mend_those_that_lacked_a_part(self):
        faulty = replace(UNNAMED, segments=tuple(replace(one, code_faults=("no type",)) for one in UNNAMED.segments))
        given = described(faulty, SegmentTable("t", (SegmentRow(1, "a", LIVER), SegmentRow(2, "b"))))
        assert [one.code_faults for one in given.segments] == [(), ("no type",), ("no type",)]

    def test_masks_by_name_alone(self):
        masks = a_segmentation()
        table = SegmentTable("t", (SegmentRow(1, "left_kidney", color_rgb=(1, 0, 0)), SegmentRow(2, "nose")))
        given = described(masks, table)
        assert [one.color_rgb for one in given.segments] == [masks.segments[0].color_rgb, (1, 0, 0)]

    def test_what_does_not_meet_is_told(self):
        found = described(UNNAMED, SegmentTable("t", (SegmentRow(2, "b"), SegmentRow(9, "nose")))).findings
        assert [(one.id, one.what) for one in found] == [
            ("segment-without-row", "'Label 1', 'Label 3' have no row in the table, so nothing is said of them."),
            ("row-without-segment", "No segment has the value or the name of this row: '9 nose'."),
        ]


class TestTotalSegmentator:
    def test_it_has_all_classes_with_codes(self):
        ct, mr = own_table("totalsegmentator"), own_table("totalsegmentator-mr")
        assert sorted(row.value for row in ct.rows if row.value) == list(range(1, 118))
        assert sorted(row.value for row in mr.rows if row.value) == list(range(1, 51))
        assert all(row.terminology and row.color_rgb for row in ct.rows)

    def test_sides_agree_with_names(self):
        for row in own_table("totalsegmentator").rows:
            meant = row.terminology
            sides = [code.meaning for code in (meant.type_modifier, meant.region_modifier) if code]
            if "_left" in row.name and "atrium" not in row.name and "ventricle" not in row.name:
                assert sides == ["Left"], row.name
            if "right" in row.name and not any(w in row.name for w in ("atrium", "ventricle", "middle_lobe")):
                assert sides == ["Right"], row.name

    def test_by_name_of_the_table(self, tmp_path):
        labels = np.zeros((2, 3, 4), np.uint8)
        labels[0, 0], labels[1] = 5, 117
        segmentation = described(read_segmentation(a_nifti(tmp_path, labels)), read_table("totalsegmentator"))
        assert [segment.name for segment in segmentation.segments] == ["liver", "costal_cartilages"]
        assert segmentation.segments[0].terminology == LIVER

    def test_what_values_alone_tell_is_said_with_whose_values_they_are(self, tmp_path):
        labels = np.zeros((2, 3, 4), np.uint8)
        labels[0, 0], labels[1] = 5, 117
        unnamed = read_segmentation(a_nifti(tmp_path, labels))
        (note,) = described(unnamed, read_table("totalsegmentator")).findings
        assert note.id == "named-by-value"
        assert note.what == (
            "The label values alone told which structures are meant, as TotalSegmentator 2, task 'total' numbers them: "
            "'5 liver', '117 costal_cartilages'."
        )
        (note,) = described(unnamed, read_table("totalsegmentator-mr")).findings[:1]
        assert "task 'total_mr' numbers them: '5 liver'." in note.what

    def test_another_name_that_a_table_gives_by_value_alone_is_said(self):
        named = a_label_map(("ribs", 1), ("Label 2", 2))
        (note,) = described(named, SegmentTable("t", (SegmentRow(1, "alpha"), SegmentRow(2, "beta")))).findings
        assert note.what == (
            "The label values alone told which structures are meant, whatever the segments were called: '1 alpha'."
        )

    def test_names_need_no_such_note(self, tmp_path):
        labels = np.ones((2, 3, 4), np.uint8)
        unnamed = read_segmentation(a_nifti(tmp_path, labels))
        named = replace(unnamed, segments=(replace(unnamed.segments[0], name="Liver"),))
        described_by_name = described(named, read_table("totalsegmentator"))
        assert described_by_name.segments[0].terminology == LIVER
        assert described_by_name.findings == ()


RIB = "SCT 123037004 Anatomical Structure,SCT 113197003 Rib"


class TestMasks:
    """A table tells masks by their names: what number one has among their files says nothing of it."""

    @pytest.fixture
    def masks(self, tmp_path):
        for n, name in enumerate(("liver", "spleen")):
            labels = np.zeros((2, 3, 4), np.uint8)
            labels[n, 0] = 1
            a_nifti(tmp_path, labels, name=f"{name}.nii.gz")
        return tmp_path

    def read(self, masks, text):
        (masks / "names.csv").write_text(text)
        return read_segmentation(masks, masks / "names.csv")

    def test_values_rename_none(self, masks):
        segmentation = self.read(masks, f"value,name,category,type,algorithm\n1,ribs,{RIB},MANUAL\n2,nose,,,\n")
        assert [one.name for one in segmentation.segments] == ["liver", "spleen"]
        assert segmentation.segments[0].terminology == LIVER
        assert [(one.id, one.severity.value, one.what, one.help) for one in segmentation.findings] == [
            (
                "known-names",
                "note",
                "All names are those of TotalSegmentator, so its SNOMED CT codes are written.",
                "To write others, give a table with codes.",
            ),
            (
                "algorithm-not-told",
                "note",
                "The file does not say what made the segments, so MANUAL is written as their Segment Algorithm Type.",
                "If a program made them, give algorithm type and name.",
            ),
            (
                "segment-without-row",
                "warning",
                "'liver', 'spleen' have no row in the table, so nothing is said of them.",
                "Add a row with the name, if the segment should be described.",
            ),
            ("row-without-segment", "note", "No segment has the name of these rows: '1 ribs', '2 nose'.", ""),
        ]

    def test_names_tell_the_rows_whatever_their_values(self, masks):
        segmentation = self.read(masks, "value,name,color\n1,Spleen,#ff0000\n2,liver,#0000ff\n")
        assert [one.color_rgb for one in segmentation.segments] == [(0, 0, 1), (1, 0, 0)]

    def test_codes_of_known_names_are_told_of_those_segments_alone_that_have_them(self, masks):
        segmentation = self.read(masks, f"name,category,type\nliver,{RIB}\n")
        assert segmentation.segments[0].terminology.type.meaning == "Rib"
        (note,) = [one for one in segmentation.findings if one.id == "known-names"]
        assert note.where == "spleen"
        assert note.what == "The names are those of TotalSegmentator, so its SNOMED CT codes are written."

    def test_what_a_table_says_of_all_is_not_told_as_guessed(self, masks):
        segmentation = self.read(masks, f"name,category,type,algorithm\nliver,{RIB},MANUAL\nspleen,{RIB},MANUAL\n")
        assert segmentation.findings == ()

    def test_who_made_known_names_may_be_told_without_codes(self, masks):
        segmentation = self.read(masks, "name,algorithm\nliver,MANUAL\nspleen,MANUAL\n")
        assert [one.id for one in segmentation.findings] == ["known-names"]


def test_codes_that_a_name_brought_go_with_it(tmp_path):
    text = NAMES.replace(b"L\xc3\xa4sion", b"spleen")
    path = tmp_path / "names.csv"
    path.write_text("value,name\n1,ribs\n2,spleen\n")
    labels = a_nifti(tmp_path, np.minimum(TestNamesInNifti.LABELS, 2), with_names=text)
    ribs, spleen = read_segmentation(labels, path).segments
    assert (ribs.name, ribs.terminology) == ("ribs", None)
    assert spleen.terminology is not None


def test_who_lacked_a_row_in_the_file_itself_and_has_one_in_the_table_is_not_told(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("value,name\n3,nose\n2,L\u00e4sion\n1,liver\n", encoding="utf-8")
    assert read_segmentation(a_nifti(tmp_path, TestNamesInNifti.LABELS, with_names=NAMES), path).findings == ()


def test_an_algorithm_for_all_segments():
    segment = with_algorithm(UNNAMED, AlgorithmType.AUTOMATIC, "nnU-Net", "2.5.1").segments[0]
    assert (segment.algorithm_type, segment.algorithm_name) == (AlgorithmType.AUTOMATIC, "nnU-Net 2.5.1")
    assert with_algorithm(UNNAMED, None).segments == UNNAMED.segments


class TestOtherForms:
    """What other programs write, told by its content."""

    def test_slicers_new_color_table_with_codes(self, tmp_path):
        codes = ",".join(
            f"{group}_{part}"
            for group in ("Category", "Type", "TypeModifier", "Region", "RegionModifier")
            for part in ("CodingScheme", "CodeValue", "CodeMeaning")
        )
        text = (
            f"LabelValue,Name,Color_R,Color_G,Color_B,Color_A,{codes}\n"
            '0,"background",0,0,0,0,,,,,,,,,,,,,,,\n'
            '7,"left kidney",255,128,0,255,"SCT","123037004","Anatomical Structure","SCT","64033007","Kidney",'
            '"SCT","7771000","Left",,,,,,\n'
        )
        read = table(tmp_path, text, "t.ctbl")
        assert read.rows == (SegmentRow(7, "left kidney", LEFT_KIDNEY, (1, 128 / 255, 0), line=3),)
        assert read.findings == ()

    @pytest.mark.parametrize("name", ["left_kidney", '"left kidney"'])
    def test_slicers_old_color_table(self, tmp_path, name):
        text = (
            f"# Color table file t.ctbl\n# 2 values\n0 background 0 0 0 0\n7 {name} 255 128 0 255\n8 (none) 0 0 0 0\n"
        )
        assert table(tmp_path, text).rows == (SegmentRow(7, "left kidney", color_rgb=(1, 128 / 255, 0), line=4),)

    def test_labels_of_itk_snap(self, tmp_path):
        text = '# ITK-SnAP\n    0  0 0 0  0 0 0 "Clear Label"\n    3  0 51 255  0.5 1 1 "left_kidney (L)"\n'
        assert table(tmp_path, text).rows == (SegmentRow(3, "left_kidney (L)", color_rgb=(0, 0.2, 1), line=3),)

    @pytest.mark.parametrize("labels", ['{"background": 0, "liver": 2}', '{"0": "background", "2": "liver"}'])
    def test_labels_of_nnunet_in_both_directions(self, tmp_path, labels):
        assert table(tmp_path, f'{{"labels": {labels}}}').rows == (SegmentRow(2, "liver"),)

    def test_dcmqi(self, tmp_path):
        text = """{"segmentAttributes": [[{"labelID": 4, "SegmentLabel": "left kidney", "SegmentDescription": "seen",
            "SegmentAlgorithmType": "AUTOMATIC", "SegmentAlgorithmName": "net",
            "recommendedDisplayRGBValue": [0, 51, 255],
            "SegmentedPropertyCategoryCodeSequence": {"CodingSchemeDesignator": "SCT", "CodeValue": "123037004",
                "CodeMeaning": "Anatomical Structure"},
            "SegmentedPropertyTypeCodeSequence": {"CodingSchemeDesignator": "SCT", "CodeValue": "64033007",
                "CodeMeaning": "Kidney"},
            "SegmentedPropertyTypeModifierCodeSequence": {"CodingSchemeDesignator": "SCT", "CodeValue": "7771000",
                "CodeMeaning": "Left"}}]]}"""
        row = SegmentRow(4, "left kidney", LEFT_KIDNEY, (0, 0.2, 1), "seen", AlgorithmType.AUTOMATIC, "net")
        assert table(tmp_path, text).rows == (row,)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ('{"labels":\n{"a": 1,}}', ", line 2 … it is no JSON"),
            ('{"a": 1}', " … it has neither dcmqi's 'segmentAttributes' nor nnU-Net's 'labels'."),
            ('{"labels": {"whole": [1, 2]}}', " … 'whole' is a region of several values, [1, 2], and a voxel has one"),
            ('{"labels": {"whole": "-1"}}', " … 'whole' is no label value, a whole number from 0 to 65535."),
            ('{"segmentAttributes": [[{"labelID": "x"}]]}', " … in segment 1, 'x' is no label value, a whole number"),
            ('{"segmentAttributes": [[3]]}', " … segment 1 is no object of attributes."),
            (
                '{"segmentAttributes": [[{"labelID": 1, "SegmentedPropertyTypeCodeSequence": "10200004"}]]}',
                " … in segment 1, '10200004' is no code of CodingSchemeDesignator, CodeValue, CodeMeaning.",
            ),
            (
                '{"segmentAttributes": [[{"labelID": 1, "SegmentedPropertyTypeCodeSequence": {"codeValue": "1"}}]]}',
                " … in segment 1, '{'codeValue': '1'}' is no code of CodingSchemeDesignator, CodeValue, CodeMeaning.",
            ),
            (
                '{"segmentAttributes": [[{"labelID": 1, "recommendedDisplayRGBValue": [1, 2]}]]}',
                " … in segment 1, '[1, 2]' is no colour of three numbers from 0 to 255.",
            ),
            ('{"segmentAttributes": [[{"labelID": 1}, {"labelID": 1}]]}', " … the value 1 comes twice."),
            ("1 liver 255 0 0 255\n2 spleen 255 0\n", ", line 2 … '2 spleen 255 0' is no line of value, name"),
            ("1 liver 255 0 0 255\n2 spleen 256 0 0 255\n", ", line 2 … '256 0 0' is no colour of three"),
            ('1 0 0 0 1 1 1 "a"\n1 0 0 0 1 1 1 "b"\n', ", line 2 … the value 1 comes twice, first in line 1."),
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_them_is_refused(self, tmp_path, text, told):
        assert refusal(tmp_path, text).startswith(
            f"The table of segments names.csv{told.replace(' …', ' cannot be used:')}"
        )


NAMES = (
    b"<?xml version='1.0' encoding='UTF-8'?><CaretExtension><VolumeInformation Index='0'><LabelTable>"
    b"<Label Key='0' Red='0' Green='0' Blue='0'><![CDATA[???]]></Label>"
    b"<Label Key='1' Red='1' Green='0.2' Blue='0'><![CDATA[liver]]></Label>"
    b"<Label Key='2' Red='0' Green='0.2' Blue='1'><![CDATA[L\xc3\xa4sion]]></Label>"
    b"<Label Key='9' Red='0' Green='1' Blue='1'><![CDATA[nose]]></Label>"
    b"</LabelTable></VolumeInformation></CaretExtension>"
)


class TestNamesInNifti:
    LABELS = np.array([[[0, 1], [2, 2]], [[3, 0], [1, 1]]], np.uint8)

    @pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
    def test_they_name_the_labels(self, tmp_path, kind):
        segmentation = read_segmentation(a_nifti(tmp_path, self.LABELS, with_names=NAMES, kind=kind))
        assert [(one.name, one.layer_value, one.color_rgb) for one in segmentation.segments[:2]] == [
            ("liver", 1, (1, 0.2, 0)),
            ("Läsion", 2, (0, 0.2, 1)),
        ]
        assert [finding.what for finding in segmentation.findings] == [
            "'Label 3' has no row in the table, so nothing is said of it."
        ]
        assert np.array_equal(segmentation.layers[0].labels_kji, self.LABELS)

    def test_names_of_totalsegmentator_bring_their_codes_and_one_color_for_all_is_none(self, tmp_path):
        text = NAMES.replace(b"L\xc3\xa4sion", b"spleen").replace(b"Red='1' Green='0.2'", b"Red='0' Green='0'")
        text = text.replace(b"Green='0.2' Blue='1'", b"Green='0' Blue='0'").replace(
            b"Green='1' Blue='1'", b"Green='0' Blue='0'"
        )
        segmentation = read_segmentation(a_nifti(tmp_path, np.minimum(self.LABELS, 2), with_names=text))
        assert segmentation.segments[0].terminology == LIVER
        assert [one.id for one in segmentation.findings] == ["known-names", "algorithm-not-told"]
        assert segmentation.segments[0].color_rgb == tuple(part / 255 for part in (40, 140, 40))

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (b"<!DOCTYPE a><LabelTable/>", "the names in its header are no plain XML"),
            (b"<LabelTable><", "the names in its header are damaged"),
            (NAMES.replace(b"Key='1'", b"Key='x'"), "'x' is no label value"),
            (NAMES.replace(b"Key='1'", b"Key='2'"), "the value 2 comes twice"),
            (NAMES.replace(b"Red='1'", b"Red='2'"), "is no colour of three numbers from 0 to 1"),
        ],
    )
    def test_damaged_ones_are_told_and_the_voxels_are_right(self, tmp_path, text, told):
        segmentation = read_segmentation(a_nifti(tmp_path, self.LABELS, with_names=text))
        assert [one.name for one in segmentation.segments] == ["Label 1", "Label 2", "Label 3"]
        assert [one.id for one in segmentation.findings] == ["names-unreadable"]
        assert told in segmentation.findings[0].what

    def test_other_extensions_are_passed_over(self, tmp_path):
        segmentation = read_segmentation(a_nifti(tmp_path, self.LABELS, with_names=b"<afni/>"))
        assert segmentation.findings == ()


def test_a_table_is_an_argument_of_reading(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("value,name\n1,liver\n2,spleen\n3,colon\n")
    labels = np.array([[[0, 1], [2, 2]], [[3, 0], [1, 1]]], np.uint8)
    segmentation = read_segmentation(a_nifti(tmp_path, labels), path)
    assert [segment.name for segment in segmentation.segments] == ["liver", "spleen", "colon"]
    assert segmentation.segments[0].terminology == LIVER
    assert [finding.id for finding in segmentation.findings] == ["known-names", "algorithm-not-told"]
