"""Meaning from names: what is proposed, done and put back, on a node of slicer-core."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
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
