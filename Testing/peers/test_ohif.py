"""What is published of the real OHIF, and how its answers are judged."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from peers.ohif.cases import ENCODINGS, ShownCase, segmentations, write_cases
from peers.ohif.judging import judged
from peers.ohif.page import PAGE, load, page_of


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


def test_the_words_of_a_refusal_are_kept(case):
    answer = {**right_answer(case), "content": None, "messages": ["Error loading displaySet"], "errors": []}
    assert judged(case, "rle", [answer]) == ("error", "Error loading displaySet")


class TestPublished:
    table = load()

    def test_the_page_is_made_of_the_table(self):
        assert PAGE.read_text(encoding="utf-8") == page_of(self.table)

    def outcomes(self, version: str, encoding: str) -> dict[str, str]:
        cells = self.table[version]["cells"]
        return {cell["case"]: cell["outcome"] for cell in cells if cell["encoding"] == encoding}

    def test_it_has_every_case_and_encoding_of_three_versions(self):
        assert [version[:5] for version in self.table] == ["3.13.", "3.12.", "3.11."]
        for version in self.table:
            assert {cell["case"] for cell in self.table[version]["cells"]} == set(segmentations())
            assert {cell["encoding"] for cell in self.table[version]["cells"]} == set(ENCODINGS)

    def test_rle_is_right_in_the_newest(self):
        newest = next(iter(self.table))
        assert set(self.outcomes(newest, "rle").values()) == {"right"}
