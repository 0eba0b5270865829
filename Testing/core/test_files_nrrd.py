"""NRRD and Slicer's segments in it: all that the file says, or a sentence with what it does not say."""

from __future__ import annotations

import gzip
import os

import numpy as np
import pytest
from file_builders import LABELS, PLACE, THREE, a_nrrd
from SegRLEExportLib.errors import UnreadableSegmentationError, UnreadableVolumeError
from SegRLEExportLib.files.nrrd import read_header
from SegRLEExportLib.files.read import read_segmentation, read_volume
from SegRLEExportLib.model.segmentation import AlgorithmType
from SegRLEExportLib.model.terminology import Code

FOUR_D = ("space: left-posterior-superior", "space directions: none (0.8,0,0) (0,1,0) (0,0,2.5)", PLACE[2])
TWO_LAYERS = (
    THREE[0],
    THREE[1].replace("LabelValue:=2\nSegment1_Layer:=0", "LabelValue:=1\nSegment1_Layer:=1"),
)


def names(path):
    return [segment.name for segment in read_segmentation(path).segments]


def voxels(path):
    segmentation = read_segmentation(path)
    return [
        int((segmentation.layers[one.layer_index].labels_kji == one.layer_value).sum()) for one in segmentation.segments
    ]


def refusal(path):
    with pytest.raises(UnreadableSegmentationError) as caught:
        read_segmentation(path)
    return str(caught.value)


def two_layers():
    return np.stack([LABELS == 1, LABELS == 2], axis=-1).astype(np.uint8)


class TestSegments:
    def test_have_all_that_slicer_keeps_of_them(self, tmp_path):
        tags = (
            "Segment0_Tags:=Description:soft: not hard|DICOM.SegmentAlgorithmType:automatic|DICOM.SegmentAlgorithmName:"
            "nnU-Net|TerminologyEntry:list~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^~list~^^~^^|"
        )
        path = a_nrrd(tmp_path, *THREE, tags, "Segment0_Color:=0.25 0.5 1")
        segmentation = read_segmentation(path)
        liver = segmentation.segments[0]
        assert (segmentation.name, liver.id, liver.name, liver.layer_value) == ("a", "a", "liver", 1)
        assert liver.color_rgb == (0.25, 0.5, 1)
        assert liver.terminology.type == Code("SCT", "10200004", "Liver")
        assert (liver.description, liver.algorithm_name) == ("soft: not hard", "nnU-Net")
        assert liver.algorithm_type is AlgorithmType.AUTOMATIC
        assert segmentation.segments[1].algorithm_type is AlgorithmType.MANUAL
        assert np.array_equal(segmentation.layers[0].labels_kji, LABELS)
        assert segmentation.layers[0].geometry.kji_to_lps[:3].tolist() == [
            [0, 0, 0.8, -20],
            [0, 1, 0, -30],
            [2.5, 0, 0, 50],
        ]

    def test_tell_codes_that_lack_a_part(self, tmp_path):
        tags = "Segment0_Tags:=TerminologyEntry:list~SCT^123037004^Anatomical Structure~SCT^10200004^~^^|"
        liver, other, *_ = read_segmentation(a_nrrd(tmp_path, *THREE, tags)).segments
        assert (liver.terminology, liver.code_faults) == (None, ("its type 'SCT^10200004^' lacks a meaning",))
        assert other.code_faults == ()

    def test_keep_names_of_every_script_and_escapes(self, tmp_path):
        path = a_nrrd(tmp_path, *(line.replace("liver", r"L\\äsion 肝\n2") for line in THREE))
        assert names(path)[0] == "L\\äsion 肝\n2"

    def test_may_have_gaps_in_their_numbers(self, tmp_path):
        path = a_nrrd(tmp_path, *THREE[:2], THREE[2].replace("Segment2", "Segment7"))
        assert (names(path), voxels(path)) == (["liver", "spleen", "kidney"], [1, 4, 4])

    def test_may_be_numbered_from_1(self, tmp_path):
        path = a_nrrd(tmp_path, *(line.replace(f"Segment{n}", f"Segment{n + 1}") for n, line in enumerate(THREE)))
        assert names(path) == ["liver", "spleen", "kidney"]

    def test_need_no_id(self, tmp_path):
        path = a_nrrd(tmp_path, *(line.partition("\n")[2] for line in THREE))
        assert names(path) == ["liver", "spleen", "kidney"]
        assert [one.id for one in read_segmentation(path).segments] == ["Segment_1", "Segment_2", "Segment_3"]

    def test_keep_voxels_beyond_a_stale_extent(self, tmp_path):
        path = a_nrrd(tmp_path, *THREE, *(f"Segment{n}_Extent:=0 1 0 1 0 1" for n in range(3)))
        assert voxels(path) == [1, 4, 4]

    @pytest.mark.parametrize("more", [{}, {"kinds": "list domain domain domain"}])
    def test_may_lie_on_layers_with_or_without_kinds(self, tmp_path, more):
        path = a_nrrd(tmp_path, *TWO_LAYERS, labels=two_layers(), place=FOUR_D, **more)
        assert len(read_segmentation(path).layers) == 2
        assert voxels(path) == [1, 4]

    def test_of_one_voxel_lie_where_they_were_drawn(self, tmp_path):
        path = a_nrrd(tmp_path, THREE[0], labels=np.ones((1, 1, 1), np.uint8))
        assert read_segmentation(path).layers[0].geometry.kji_to_lps[:3, 3].tolist() == [-20, -30, 50]

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("LabelValue:=2", "LabelValue:=1", "Segment0 ('liver') and Segment1 ('spleen') have the same LabelValue 1"),
            ("ID:=b", "ID:=a", "Segment0 ('liver') and Segment1 ('spleen') have the same ID 'a'"),
            ("LabelValue:=2", "LabelValue:=0", "Segment1 ('spleen') has the LabelValue 0, and 1 to 65535 are possible"),
            ("LabelValue:=2", "LabelValue:=x", "has the LabelValue 'x', which is no whole number"),
            ("LabelValue:=2", "LabelValue:=1e20", "has the LabelValue '1e20', which is no whole number"),
            ("LabelValue:=2", "LabelValue:=-1", "has the LabelValue '-1', which is no whole number"),
            ("LabelValue:=2", "LabelValue:=300", "has the LabelValue 300, too large for voxels of 8 bits"),
            ("LabelValue:=2", "LabelValue:=70000", "has the LabelValue 70000, and 1 to 65535 are possible"),
            ("LabelValue:=2\n", "", "Segment0 ('liver') and Segment1 ('spleen') have the same LabelValue 1"),
            ("LabelValue:=2", "LabelValue:=5", "its voxels have the label 2 on Layer 0, which no segment describes"),
            ("Layer:=0", "Layer:=9", "Segment1 ('spleen') is on Layer 9, and the file has 1 (from 0)"),
            ("ID:=b", "Color:=red", "Segment1 ('spleen') has the Color 'red', which is not three numbers from 0 to 1"),
            ("ID:=b", "Tags:=DICOM.SegmentAlgorithmType:magic|", "has the algorithm type 'magic', and MANUAL, SEMI"),
        ],
    )
    def test_that_contradict_are_refused_by_name(self, tmp_path, old, new, reason):
        assert reason in refusal(a_nrrd(tmp_path, THREE[0], THREE[1].replace(old, new), THREE[2]))

    def test_labels_that_none_describes_are_listed(self, tmp_path):
        labels = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
        assert "its voxels have the labels 4, 5, 6, 7, 8 and 3 others on Layer 0" in refusal(
            a_nrrd(tmp_path, *THREE, labels=labels)
        )
        assert "the labels 4, 5, 6, 7, 8 and 1 other on Layer 0" in refusal(
            a_nrrd(tmp_path, *THREE, labels=labels.clip(max=9))
        )


class TestVoxels:
    @pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "int32", "float", "double", "int64"])
    @pytest.mark.parametrize("encoding", ["raw", "gzip", "text"])
    def test_of_every_type_and_encoding(self, tmp_path, dtype, encoding):
        values = LABELS.astype({"float": "float32", "double": "float64"}.get(dtype, dtype))
        data = {"raw": values.tobytes(), "text": " ".join(map(str, values.ravel())).encode()}.get(encoding)
        path = a_nrrd(tmp_path, labels=values, data=data, type=dtype, encoding=encoding, name="a.nrrd")
        assert np.array_equal(read_segmentation(path).layers[0].labels_kji, LABELS)

    @pytest.mark.parametrize("word", ["259", "-1", "1.7", "0.9", "nan", "inf", "1e5", "1e300"])
    @pytest.mark.parametrize("read", [read_segmentation, read_volume])
    def test_written_as_text_that_their_type_does_not_hold_are_refused(self, tmp_path, word, read):
        text = " ".join(word if value == 2 else str(value) for value in LABELS.ravel())
        path = a_nrrd(tmp_path, data=text.encode(), encoding="ascii", type="unsigned char", name="a.nrrd")
        with pytest.raises((UnreadableSegmentationError, UnreadableVolumeError)) as caught:
            read(path)
        assert f"it has the value {word}, which its type, uint8, does not hold" in str(caught.value)

    @pytest.mark.parametrize(
        ("word", "reason"),
        [
            ("1.7", "its labels are not whole numbers"),
            ("1e300", "its labels range from 0.0 to inf"),
            ("1_0", "its values are not numbers"),
            ("two", "its values are not numbers"),
        ],
    )
    def test_written_as_text_of_floats_are_judged_as_floats_are(self, tmp_path, word, reason):
        text = " ".join(word if value == 2 else str(value) for value in LABELS.ravel())
        assert reason in refusal(a_nrrd(tmp_path, data=text.encode(), encoding="ascii", type="float", name="a.nrrd"))

    def test_of_big_byte_order(self, tmp_path):
        path = a_nrrd(tmp_path, labels=LABELS.astype(">u2"), endian="big", type="ushort")
        assert np.array_equal(read_segmentation(path).layers[0].labels_kji, LABELS)

    @pytest.mark.parametrize(
        ("space", "sign"), [("RAS", (-1, -1, 1)), ("right-anterior-superior", (-1, -1, 1)), ("LAS", (1, -1, 1))]
    )
    def test_in_other_spaces(self, tmp_path, space, sign):
        path = a_nrrd(tmp_path, place=(f"space: {space}", *PLACE[1:]))
        origin = read_segmentation(path).layers[0].geometry.kji_to_lps[:3, 3]
        assert origin.tolist() == (np.array((-20, -30, 50)) * sign).tolist()

    def test_in_a_file_of_their_own(self, tmp_path):
        (tmp_path / "a.raw").write_bytes(LABELS.tobytes())
        path = a_nrrd(tmp_path, "data file: a.raw", data=b"", encoding="raw", name="a.nhdr")
        assert np.array_equal(read_segmentation(path).layers[0].labels_kji, LABELS)
        (tmp_path / "a.raw").unlink()
        assert "there is no such file (a.raw, which holds its voxels)" in refusal(path)

    @pytest.mark.parametrize("skipped", ["7", "-1"])
    def test_behind_bytes_to_skip(self, tmp_path, skipped):
        path = a_nrrd(tmp_path, f"byte skip: {skipped}", data=b"7 bytes" + LABELS.tobytes(), encoding="raw")
        assert np.array_equal(read_segmentation(path).layers[0].labels_kji, LABELS)

    @pytest.mark.parametrize("data", [LABELS.tobytes()[:-1], b""])
    def test_cut_short_are_refused(self, tmp_path, data):
        assert "it is cut short" in refusal(a_nrrd(tmp_path, *THREE, data=data, encoding="raw"))
        assert "it is cut short" in refusal(a_nrrd(tmp_path, *THREE, data=gzip.compress(data)))
        assert "it is cut short" in refusal(a_nrrd(tmp_path, *THREE, data=gzip.compress(LABELS.tobytes())[:-1]))

    def test_followed_by_more_are_refused(self, tmp_path):
        for data, encoding in ((LABELS.tobytes() + b"\0", "raw"), (gzip.compress(LABELS.tobytes() + b"\0"), "gzip")):
            assert "more bytes follow" in refusal(a_nrrd(tmp_path, *THREE, data=data, encoding=encoding))

    def test_with_a_wrong_checksum_are_refused(self, tmp_path):
        data = bytearray(gzip.compress(LABELS.tobytes()))
        data[-8] ^= 1
        assert "its compressed bytes are damaged" in refusal(a_nrrd(tmp_path, *THREE, data=bytes(data)))

    def test_of_a_size_that_nobody_has_are_refused_before_memory_is_taken(self, tmp_path):
        assert "bytes should come" in refusal(a_nrrd(tmp_path, *THREE, sizes="100000 100000 100000"))

    def test_are_read_as_a_volume(self, tmp_path):
        volume = read_volume(a_nrrd(tmp_path, labels=LABELS.astype(np.int16) - 1000, name="ct.nrrd"))
        assert (volume.voxels_kji.min(), volume.geometry.shape_kji) == (-1000, (3, 4, 5))


class TestHeader:
    @pytest.mark.parametrize(
        ("place", "reason"),
        [
            (PLACE[1:], "it does not say in which space its voxels lie: its header has no 'space'"),
            (PLACE[:2], "its header has no 'space origin'"),
            (PLACE[:1] + PLACE[2:], "its header has no 'space directions'"),
            (("space: scanner-xyz", *PLACE[1:]), "its voxels lie in the space 'scanner-xyz', which is not known here"),
            ((*PLACE, 'space units: "cm" "cm" "cm"'), 'its space is measured in "cm"'),
            ((*PLACE, "space units: um um um"), "its space is measured in um um um, and mm is needed"),
            ((*PLACE, 'space units: "mm" "mm" um'), 'its space is measured in "mm" "mm" um, and mm is needed'),
            ((*PLACE, "acq: date:=2020"), "'acq' is no field of NRRD"),
            ((*PLACE, PLACE[0]), "'space' is there twice"),
            ((*PLACE, "spaec: x"), "'spaec' is no field of NRRD"),
            ((*PLACE, "what is this"), "the line 'what is this' has no colon"),
            ((PLACE[0], "space directions: (1,0,0) (0,1,0) (1,1,0)", PLACE[2]), "the axes do not span space"),
            ((PLACE[0], "space directions: (1,0,0) (0,1,0) (0,0,nan)", PLACE[2]), "is no vector"),
            ((PLACE[0], "space directions: (1,0,0) (0,1,0)", PLACE[2]), "2 directions do not fit its dimension"),
        ],
    )
    def test_that_does_not_say_where_is_refused(self, tmp_path, place, reason):
        assert reason in refusal(a_nrrd(tmp_path, *THREE, place=place))

    @pytest.mark.parametrize("units", ['"mm" "mm" "mm"', "mm mm mm", '"" "" ""'])
    def test_that_says_mm_or_nothing_of_its_units_is_read(self, tmp_path, units):
        assert names(a_nrrd(tmp_path, *THREE, f"space units: {units}")) == ["liver", "spleen", "kidney"]

    @pytest.mark.parametrize(
        "line",
        [
            b"acq:date:=2020",
            b"acq:date:=a: b",
            b"space:old:=RAS",
            b"key:=a:=b: c",
            b"content: a:=b",
            b"# M\xfcller",
        ],
    )
    def test_with_colons_in_keys_and_comments_in_any_characters_is_read_as_itk_reads_it(self, tmp_path, line):
        sitk = pytest.importorskip("SimpleITK")
        path = a_nrrd(tmp_path, "LINE", name="a.nrrd")
        path.write_bytes(path.read_bytes().replace(b"LINE", line))
        image = sitk.ReadImage(str(path))
        layer = read_segmentation(path).layers[0]
        assert np.array_equal(layer.labels_kji, sitk.GetArrayFromImage(image))
        for ijk in ((0, 0, 0), (4, 0, 0), (4, 3, 2)):
            theirs = (*image.TransformIndexToPhysicalPoint(ijk), 1)
            assert layer.geometry.kji_to_lps @ (*ijk[::-1], 1) == pytest.approx(theirs)

    def test_keeps_keys_with_colons(self, tmp_path):
        with a_nrrd(tmp_path, "acq:date:=a: b", "key:=a:=b").open("rb") as file:
            assert read_header(file).keys == {"acq:date": "a: b", "key": "a:=b"}

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"type": "block"}, "its voxels are of the type 'block', and numbers are needed"),
            ({"encoding": "bzip2"}, "its voxels are encoded as 'bzip2'; save it with the encoding gzip or raw"),
            ({"sizes": "5 0 3"}, "its sizes are 5 x 0 x 3"),
            ({"sizes": "5 -4 3"}, "its sizes are 5 x -4 x 3"),
            ({"sizes": "5 x 3"}, "'x' in 'sizes' is no whole number"),
            ({"dimension": "4"}, "3 sizes do not fit its dimension"),
            ({"type": "ushort", "endian": "middle"}, "its byte order is called 'middle'"),
        ],
    )
    def test_with_impossible_values_is_refused(self, tmp_path, fields, reason):
        assert reason in refusal(a_nrrd(tmp_path, *THREE, **fields))

    def test_that_is_not_utf8_is_refused(self, tmp_path):
        path = a_nrrd(tmp_path, *THREE)
        path.write_bytes(path.read_bytes().replace(b"liver", b"l\xefver"))
        assert "it has bytes that are not UTF-8" in refusal(path)

    def test_with_a_field_twice_is_refused(self, tmp_path):
        assert "'Segment0_Name' is there twice" in refusal(a_nrrd(tmp_path, *THREE, "Segment0_Name:=other"))


class TestFiles:
    def test_that_are_none(self, tmp_path):
        (tmp_path / "a.txt").write_text("hello, this is a text")
        (tmp_path / "empty.nrrd").write_bytes(b"")
        assert refusal(tmp_path / "nowhere.nrrd").endswith("there is no such file.")
        (tmp_path / "b").mkdir()
        assert "the folder has no mask (.nii, .nii.gz, .nrrd, .nhdr, .mha, .mhd)" in refusal(tmp_path / "b")
        assert "its content is none of NRRD, NIfTI and MetaImage" in refusal(tmp_path / "a.txt")
        assert "it is empty" in refusal(tmp_path / "empty.nrrd")
        assert "the system says 'File name too long'" in refusal(tmp_path / ("a" * 300))

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
    def test_that_are_pipes_are_refused_and_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.nrrd")
        assert "it is a device or a pipe, not a file" in refusal(tmp_path / "pipe.nrrd")
