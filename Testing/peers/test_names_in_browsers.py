"""Names beyond ASCII reach readers that do not pass the character set on to items, as dcmjs and so OHIF."""

from __future__ import annotations

import pydicom
import pytest
from SegRLEExportLib.encoding.plan import PLANS

from peers.cases import WrittenCase, write_case_set


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, WrittenCase]:
    cases = write_case_set(tmp_path_factory.mktemp("names"), [PLANS["deflate"]])
    return {case.case_id: case for case in cases}


def test_an_item_with_a_name_beyond_ascii_says_its_character_set(written):
    dataset = pydicom.dcmread(written["non-ascii-names"].files[0].path)
    assert [item.SpecificCharacterSet for item in dataset.SegmentSequence] == ["ISO_IR 192"] * 3
    assert [item.SegmentLabel for item in dataset.SegmentSequence] == ["Левая почка", "肝臓", "Bazo pequeño"]


def test_an_item_in_ascii_says_none(written):
    dataset = pydicom.dcmread(written["several-37x41"].files[0].path)
    assert not any("SpecificCharacterSet" in item for item in dataset.SegmentSequence)
