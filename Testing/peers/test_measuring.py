"""The harness itself: it would notice a reader that is wrong, dies or hangs."""

from __future__ import annotations

import numpy as np
import pytest
from SegRLEExportLib.encoding.plan import PLANS

from peers import measuring
from peers.cases import WrittenCase, case_set, truth_of, write_case_set
from peers.catalog import Reader
from peers.comparison import differences
from peers.environments import Environments, default_cache
from peers.measuring import Outcome, measure, shortened
from peers.reading.found import FoundSegment, grid_points


@pytest.fixture(scope="module")
def in_one_bit(tmp_path_factory: pytest.TempPathFactory) -> dict[str, WrittenCase]:
    written = write_case_set(tmp_path_factory.mktemp("judged"), [PLANS["none"]])
    return {case.case_id: case for case in written}


def found_in(case: WrittenCase, **changed) -> list[FoundSegment]:
    """Return what a reader without fault finds, but for `changed`, which goes to the first segment."""
    segments = []
    for number, name in case.files[0].names.items():
        true = case.truth.segments[name]
        points = grid_points(true.mask_kji, case.truth.kji_to_lps)
        values = {"points_lps": points, "number": number, "name": name, "type_code": true.type_code}
        segments.append(FoundSegment(**{**values, **(changed if number == 1 else {})}))
    return segments


def told(case: WrittenCase, found: list[FoundSegment]) -> list[str]:
    return differences(case.truth, case.files[0], found)


@pytest.mark.parametrize("case_id", [case.id for case in case_set()])
def test_a_reader_without_fault_is_right(in_one_bit, case_id):
    assert told(in_one_bit[case_id], found_in(in_one_bit[case_id])) == []


def test_one_voxel_too_few_is_noticed(in_one_bit):
    case = in_one_bit["oblique"]
    points = found_in(case)[0].points_lps[1:]
    assert told(case, found_in(case, points_lps=points)) == ["Liver: 1 of 568 voxels missing, 0 too many"]


def test_a_segment_one_plane_off_is_noticed(in_one_bit):
    case = in_one_bit["several-37x41"]
    points = found_in(case)[0].points_lps + [0, 0, 2.5]
    (line,) = told(case, found_in(case, points_lps=points))
    assert line.startswith("Liver: ")


def test_a_segment_half_a_voxel_off_is_noticed(in_one_bit):
    case = in_one_bit["several-37x41"]
    points = found_in(case)[0].points_lps + [0.3, 0, 0]
    assert told(case, found_in(case, points_lps=points))[0] == "Liver lies 0.43 voxels beside its place"


def test_a_wrong_name_is_noticed(in_one_bit):
    case = in_one_bit["several-37x41"]
    assert told(case, found_in(case, name="Kidney")) == ["Liver is named 'Kidney'"]


def test_a_wrong_code_is_noticed(in_one_bit):
    case = in_one_bit["several-37x41"]
    assert told(case, found_in(case, type_code="1")) == ["Liver has the code 1 instead of 10200004"]


def test_a_segment_that_is_not_shown_is_noticed(in_one_bit):
    case = in_one_bit["several-37x41"]
    assert told(case, found_in(case)[1:]) == ["1 segments are not shown, the first: Liver"]


def test_an_empty_segment_need_not_be_shown(in_one_bit):
    case = in_one_bit["empty-segment"]
    assert told(case, [found for found in found_in(case) if found.name != "Nothing"]) == []


def test_a_segment_from_nowhere_is_noticed(in_one_bit):
    case = in_one_bit["one-segment"]
    stranger = FoundSegment(np.zeros((1, 3)), number=7, name="Ghost")
    assert told(case, [*found_in(case), stranger]) == ["Ghost is no segment of this file"]


def test_every_case_says_something_of_its_own():
    for case in case_set():
        masks = [segment.mask_kji for segment in truth_of(case.segmentation).segments.values()]
        assert any(mask.any() for mask in masks)
        for mask in masks:
            assert not mask.any() or not np.array_equal(mask, mask[::-1, ::-1, ::-1]) or case.id == "all-borders"


@pytest.mark.parametrize(
    ("behaviour", "outcome", "message"),
    [
        pytest.param("dies", Outcome.CRASH, "SIGABRT", id="a reader that dies"),
        pytest.param("hangs", Outcome.CRASH, "SIGALRM: no answer in 1 s", id="a reader that hangs"),
        pytest.param("refuses", Outcome.ERROR, "ValueError: not this file", id="a reader that refuses"),
        pytest.param("shows nothing", Outcome.WRONG, "1 segments are not shown", id="a reader that shows nothing"),
    ],
)
def test_what_became_of_a_reader_is_told(in_one_bit, monkeypatch, behaviour, outcome, message):
    monkeypatch.setattr(measuring, "SECONDS_PER_FILE", 1)
    reader = Reader("broken", "broken", "", "by_broken", options=lambda _: {"behaviour": behaviour})
    cases = [in_one_bit["one-segment"], in_one_bit["oblique"]]
    measured = measure(reader, cases, Environments(default_cache()))
    assert [cell.outcome for cell in measured.cells.values()] == [outcome] * 2
    assert all(message in cell.message for cell in measured.cells.values()) or behaviour == "shows nothing"


def test_messages_are_kept_without_what_differs_from_run_to_run():
    text = "cannot read\n /tmp/peers-1/SEG_2.25.123.dcm at 0x7f001234"
    assert shortened(text) == "cannot read FILE at 0x..."
