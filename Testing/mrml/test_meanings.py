"""Meaning from names: what is proposed, done and put back, on a node of slicer-core."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import scenes
from SegRLEExportLib.model.terminology import Code
from SegRLEExportLib.slicer_side.nodes.segmentation import read_segmentation
from SegRLEExportLib.slicer_side.panel.meanings import apply_to, proposals, put_back

NAMES = {1: "kidney_left", 2: "my own thing", 3: "Liver", 4: "spleen"}


def a_node():
    labels = np.zeros((2, 3, 4), np.uint8)
    labels.reshape(-1)[:4] = 1, 2, 3, 4
    return scenes.a_segmentation_node(labels, NAMES)


def looks(node) -> list[SimpleNamespace]:
    return [
        SimpleNamespace(id=one.id, name=one.name, meaning=one.terminology.type.meaning if one.terminology else "")
        for one in read_segmentation(node).segments
    ]


def codes(node) -> dict[str, Code | None]:
    return {one.name: one.terminology and one.terminology.type for one in read_segmentation(node).segments}


def test_known_names_get_their_codes_and_give_them_back():
    node = a_node()
    codes_before = codes(node)
    found = proposals(looks(node))
    assert [one.name for one in found] == ["kidney_left", "Liver", "spleen"]
    assert str(found[0]) == "kidney_left: Left Kidney"

    before = apply_to(node, found)
    assert codes(node)["Liver"] == Code("SCT", "10200004", "Liver")
    assert codes(node)["my own thing"] == codes_before["my own thing"]
    assert proposals(looks(node)) == []

    node.GetSegmentation().RemoveSegment("Segment_4")
    put_back(node, before)
    del codes_before["spleen"]
    assert codes(node) == codes_before


def test_what_somebody_chose_is_not_touched():
    node = a_node()
    apply_to(node, [one for one in proposals(looks(node)) if one.name == "spleen"])
    assert "spleen" not in [one.name for one in proposals(looks(node))]


LOCAL = "Codes of our department"


def entry(value: str, meaning: str, label: str = "", **more: object) -> dict[str, object]:
    code = {"CodingSchemeDesignator": "99OURS", "CodeValue": value, "CodeMeaning": meaning}
    return code | ({"3dSlicerLabel": label} if label else {}) | more


@pytest.fixture
def terminologies(tmp_path):
    """Slicer's own logic with a terminology of somebody's."""
    import slicer

    sides = [entry("L", "Left", "left thing"), entry("R", "Right")]
    organs = [
        entry("1", "My own thing", Modifier=sides),
        entry("2", "Graft", "the graft"),
        entry("3", "Plate"),
        entry("8", "Liver"),
    ]
    hardware = [entry("4", "Plate"), entry("5", "Screw")]
    content = {
        "SegmentationCategoryTypeContextName": LOCAL,
        "@schema": "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/segment-context-schema.json#",
        "SegmentationCodes": {
            "Category": [entry("A", "Organ", Type=organs), entry("B", "Hardware", Type=hardware)],
        },
    }
    path = tmp_path / "local.term.json"
    path.write_text(json.dumps(content))
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    assert logic.LoadTerminologyFromFile(str(path)) == LOCAL
    return logic


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("my own thing", ("A", "1", None)),
        ("Left my-own thing", ("A", "1", "L")),
        ("My own thing, Right", ("A", "1", "R")),
        ("LEFT THING", ("A", "1", "L")),
        ("the_graft", ("A", "2", None)),
        ("screw", ("B", "5", None)),
        ("liver", ("A", "8", None)),
        ("plate", None),
        ("my thing", None),
    ],
)
def test_names_of_the_chosen_terminology_get_its_codes_if_they_have_one_meaning(terminologies, name, codes):
    found = proposals([SimpleNamespace(id="a", name=name, meaning="")], terminologies, LOCAL)
    told = [
        (
            one.terminology.category.value,
            one.terminology.type.value,
            getattr(one.terminology.type_modifier, "value", None),
        )
        for one in found
    ]
    assert told == ([codes] if codes else [])
    assert {one.source for one in found} <= {LOCAL}


def test_totalsegmentators_classes_are_known_beside_it_and_where_it_is_not_loaded(terminologies):
    spleen = [SimpleNamespace(id="a", name="spleen", meaning="")]
    for logic, name in ((terminologies, LOCAL), (terminologies, "another"), (None, "")):
        assert [one.source for one in proposals(spleen, logic, name)] == ["TotalSegmentator"]


def test_no_error_is_logged_of_types_without_modifiers(terminologies, capfd):
    proposals([], terminologies, LOCAL)
    assert "ERR" not in capfd.readouterr().err
