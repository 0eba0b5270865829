"""How segments are spread over files, numbered, and put into frames."""

from __future__ import annotations

import numpy as np
import pytest
from builders import A_GRID, a_segmentation, drafts, two_overlapping_boxes
from SegRLEExportLib.encoding.plan import PLANS

EMPTY = np.zeros(A_GRID.shape_kji, bool)


def box(planes):
    mask = EMPTY.copy()
    mask[planes, :2, :2] = True
    return mask


def positions(encoding, masks, **choices):
    return [draft.instance.segment_positions for draft in drafts(a_segmentation(masks), encoding, **choices)]


ONE, OTHER = two_overlapping_boxes()

SPREADS = [
    pytest.param("none", [ONE, EMPTY, OTHER], [(0, 2, 1)], id="all in one file, the empty one last"),
    pytest.param("rle", [ONE, EMPTY, ~(ONE | OTHER)], [(0, 2, 1)], id="apart: one label map"),
    pytest.param(
        "rle", [ONE, OTHER, EMPTY], [(0, 2), (1,)], id="overlapping: two label maps, the empty one in the first"
    ),
    pytest.param("rle-per-segment", [ONE, EMPTY, OTHER], [(0,), (2,)], id="one each, none for the empty one"),
]


@pytest.mark.parametrize(("encoding", "masks", "expected"), SPREADS)
def test_segments_are_spread(encoding, masks, expected):
    assert positions(encoding, masks) == expected


def test_an_empty_segment_has_its_own_file_where_empty_frames_are_kept():
    assert positions("rle-per-segment", [ONE, EMPTY], keep_empty_frames=True) == [(0,), (1,)]


def test_only_empty_segments_make_one_label_map_where_empty_frames_are_kept():
    assert positions("rle", [EMPTY, EMPTY], keep_empty_frames=True) == [(0, 1)]


def test_frames_are_ordered_by_segment_then_by_plane():
    (draft,) = drafts(a_segmentation([box([5, 2]), box([1])]), "none")

    frames = zip(draft.instance.frame_segment_numbers.tolist(), draft.instance.frame_planes.tolist())

    assert list(frames) == [(1, 2), (1, 5), (2, 1)]


def test_a_label_map_has_one_frame_for_each_plane_with_a_voxel():
    (draft,) = drafts(a_segmentation([box([5, 2]), box([1])]), "rle")

    assert draft.instance.frame_planes.tolist() == [1, 2, 5]
    assert draft.instance.frame_segment_numbers.tolist() == [0, 0, 0]


@pytest.mark.parametrize("encoding", PLANS)
def test_instances_are_counted_from_one_and_know_their_numbers(encoding):
    instances = [draft.instance for draft in drafts(a_segmentation([ONE, OTHER]), encoding)]

    assert [instance.number for instance in instances] == list(range(1, len(instances) + 1))
    for instance in instances:
        assert list(instance.numbers.values()) == list(range(1, len(instance.segment_positions) + 1))
        assert tuple(instance.numbers) == instance.segment_positions


@pytest.mark.parametrize(("encoding", "expected"), [("none", [True]), ("rle", [False, False])])
def test_overlap_is_that_within_a_file(encoding, expected):
    told = [draft.instance.segments_overlap for draft in drafts(a_segmentation([ONE, OTHER]), encoding)]

    assert told == expected
