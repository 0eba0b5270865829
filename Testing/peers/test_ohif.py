"""What is published of the real OHIF, and how its answers are judged."""

from __future__ import annotations

import base64

import numpy as np
import pydicom
import pytest
from file_builders import a_nrrd
from SegRLEExportLib.files.read import read_segmentation
from shell_builders import place_of, segrle

from peers.ohif.cases import ENCODINGS, WAYS, ShownCase, segmentations, write_cases
from peers.ohif.judging import judged
from peers.ohif.known_failures import KNOWN_FAULTS
from peers.ohif.page import PAGE, load, page_of

SAVED = PAGE.with_name("saved_by_ohif_3.13.2.dcm")


@pytest.fixture(scope="module")
def case(tmp_path_factory) -> ShownCase:
    (written,) = write_cases(tmp_path_factory.mktemp("ohif"), ["three-37x41"])
    return written


def right_answer(case: ShownCase, encoding: str = "rle") -> dict:
    """Return what a page would tell that shows everything right."""
    (path,) = case.files[encoding]
    planes = []
    for k, frame in enumerate(case.source.frames):
        labels = np.zeros(case.segmentation.layers[0].labels_kji.shape[1:], np.uint16)
        for number, segment in enumerate(case.segmentation.segments, start=1):
            labels[case.segmentation.layers[segment.layer_index].labels_kji[k] == segment.layer_value] = number
        if labels.any():
            rows, columns = labels.shape
            text = base64.b64encode(labels.tobytes()).decode()
            planes.append({"image": frame.sop_instance_uid, "rows": rows, "columns": columns, "labels": text})
    segments = [
        {"number": number, "name": segment.name, "color": [*(255 * np.array(segment.color_rgb)), 255]}
        for number, segment in enumerate(case.segmentation.segments, start=1)
    ]
    return {"sop": case.sop_uids[path], "state": "loaded", "content": {"planes": planes, "segments": segments}}


def test_a_right_answer_is_right(case):
    assert judged(case, "rle", [right_answer(case)]) == ("right", "")


def test_a_wrong_voxel_is_found(case):
    answer = right_answer(case)
    answer["content"]["planes"] = answer["content"]["planes"][:-1]
    outcome, why = judged(case, "rle", [answer])
    assert outcome == "wrong"
    assert "voxels of" in why


def test_colors_of_the_neighbor_are_found(case):
    answer = right_answer(case)
    segments = answer["content"]["segments"]
    segments[0]["color"], segments[1]["color"] = segments[1]["color"], segments[0]["color"]
    assert judged(case, "rle", [answer])[0] == "wrong"


def test_a_background_in_the_list_is_found(case):
    answer = right_answer(case)
    answer["content"]["segments"].append({"number": 9, "name": "Background", "color": [0, 0, 0]})
    assert "'Background', which is no segment" in judged(case, "rle", [answer])[1]


def test_a_page_that_loads_for_ever_is_told_with_what_the_server_said(case):
    answer = {**right_answer(case), "content": None, "state": "timeout", "messages": [], "errors": ["status of 500"]}
    assert judged(case, "rle", [answer]) == ("error", "no message, it goes on loading; status of 500")


def test_the_words_of_a_refusal_are_kept(case):
    answer = {**right_answer(case), "content": None, "messages": ["Error loading displaySet"], "errors": []}
    assert judged(case, "rle", [answer]) == ("error", "Error loading displaySet")


class TestPublished:
    table = load()

    def test_the_page_is_made_of_the_table(self):
        assert PAGE.read_text(encoding="utf-8") == page_of(self.table)

    def outcomes(self, version: str, way: str, encoding: str) -> dict[str, str]:
        cells = self.table[version][way]["cells"]
        return {cell["case"]: cell["outcome"] for cell in cells if cell["encoding"] == encoding}

    def test_it_has_every_case_and_encoding_of_three_versions_by_both_ways(self):
        assert [version[:5] for version in self.table] == ["3.13.", "3.12.", "3.11."]
        for ways in self.table.values():
            assert list(ways) == list(WAYS)
            for measured in ways.values():
                assert {cell["case"] for cell in measured["cells"]} == set(segmentations())
                assert {cell["encoding"] for cell in measured["cells"]} == set(ENCODINGS)

    def cells(self):
        """Yield version, way, encoding, case and outcome of every cell."""
        for version, ways in self.table.items():
            for way, measured in ways.items():
                for cell in measured["cells"]:
                    yield version, way, cell["encoding"], cell["case"], cell["outcome"]

    def test_every_cell_that_is_not_right_has_a_known_reason(self):
        unexplained = [
            (*cell, outcome)
            for *cell, outcome in self.cells()
            if outcome != "right" and not any(f.covers(*cell) and f.outcome == outcome for f in KNOWN_FAULTS)
        ]
        assert unexplained == []

    @pytest.mark.parametrize(
        "fault", KNOWN_FAULTS, ids=lambda f: f"{f.versions[0]} {f.ways[0]} {f.encodings[0]} {f.outcome}"
    )
    def test_every_known_fault_is_still_there(self, fault):
        covered = [(*cell, outcome) for *cell, outcome in self.cells() if fault.covers(*cell)]
        assert covered
        assert [cell for cell in covered if cell[-1] != fault.outcome] == []

    @pytest.mark.parametrize("way", WAYS)
    def test_rle_is_right_in_the_newest(self, way):
        newest = next(iter(self.table))
        assert set(self.outcomes(newest, way, "rle").values()) == {"right"}


class TestSavedByOhif:
    """OHIF 3.13.2 itself saved what it had been given as `rle` of the case three-64x64."""

    segmentation = segmentations()["three-64x64"]

    @pytest.fixture
    def drawn(self, tmp_path):
        """Return the segmentation as a file, without OHIF."""
        (layer,) = self.segmentation.layers
        lines = [
            f"Segment{n}_ID:=id{n}\nSegment{n}_Name:={s.name}\nSegment{n}_LabelValue:={s.layer_value}\nSegment{n}_Layer:=0"
            for n, s in enumerate(self.segmentation.segments)
        ]
        return a_nrrd(tmp_path, *lines, labels=layer.labels_kji, place=place_of(layer.geometry))

    def test_it_is_an_rle_label_map_without_a_padding_value(self):
        dataset = pydicom.dcmread(SAVED)
        assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.RLELossless
        assert dataset.SegmentationType == "LABELMAP"
        assert "PixelPaddingValue" not in dataset

    def test_inspect_tells_its_segments(self, capsys):
        assert segrle("inspect", SAVED) == 0
        told = capsys.readouterr().out
        assert "every row of 9 frames checked by PS3.5 Annex G" in told
        for number, segment in enumerate(self.segmentation.segments, start=1):
            assert f"{number}  {segment.name}: Tissue (SRT T-D0050)" in told

    def test_verify_finds_every_voxel_equal(self, drawn, capsys):
        assert segrle("verify", SAVED, drawn) == 0
        told = capsys.readouterr().out
        for segment in self.segmentation.segments:
            voxels = np.count_nonzero(self.segmentation.layers[0].labels_kji == segment.layer_value)
            assert f"{segment.name}: {voxels} voxels equal, 0 only in the file, 0 only in the segmentation" in told

    def test_convert_takes_it_as_input(self, tmp_path, drawn):
        assert segrle("convert", SAVED, "-o", tmp_path / "again.seg.nrrd") == 0
        again, wanted = read_segmentation(tmp_path / "again.seg.nrrd"), read_segmentation(drawn)
        assert [s.name for s in again.segments] == [s.name for s in wanted.segments]
        np.testing.assert_array_equal(again.layers[0].labels_kji, wanted.layers[0].labels_kji)
        np.testing.assert_allclose(again.layers[0].geometry.kji_to_lps, wanted.layers[0].geometry.kji_to_lps)
        colors = [s.color_rgb for s in again.segments]
        np.testing.assert_allclose(colors, [s.color_rgb for s in self.segmentation.segments], atol=0.02)

    def test_it_becomes_another_dicom_file_though_its_frames_name_images_without_their_class(self, tmp_path):
        assert segrle("convert", SAVED, "-o", tmp_path / "out", "--to", "none") == 0
        assert segrle("verify", tmp_path / "out", SAVED) == 0
        (path,) = (tmp_path / "out").iterdir()
        frame = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence[0]
        (image,) = frame.DerivationImageSequence[0].SourceImageSequence
        assert image.ReferencedSOPClassUID == pydicom.uid.CTImageStorage
