"""Every row of the table keeps the same promises: what is written agrees with itself and with what was segmented."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import read_by_others
from builders import (
    A_GRID,
    LEFT_KIDNEY,
    LIVER,
    a_segmentation,
    a_source,
    a_sphere,
    fixed_options,
    lps_of_voxels,
    masks_of,
    two_overlapping_boxes,
)
from SegRLEExportLib.cli.inputs import ENCODING_IDS, LABEL_MAP_IDS
from SegRLEExportLib.encoding.plan import DEFAULT_PLAN_ID, PLANS, FrameCoding, SegmentationType, Split
from SegRLEExportLib.export import export
from SegRLEExportLib.verification.expected_header import FORMS

every_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())

READ_BY_HIGHDICOM = [
    pytest.param(
        plan,
        id=plan.id,
        marks=pytest.mark.xfail(reason="highdicom reads no 1-bit RLE", strict=True) if plan.id == "rle-binary" else (),
    )
    for plan in PLANS.values()
]


@pytest.fixture(scope="module")
def segmentation():
    """Two overlapping boxes, a sphere over both, and a segment without a voxel."""
    masks = [*two_overlapping_boxes(), a_sphere(), np.zeros(A_GRID.shape_kji, bool)]
    return a_segmentation(
        masks, names=["one", "other", "both", "nowhere"], terminologies=[LIVER, LEFT_KIDNEY, None, LIVER]
    )


@pytest.fixture(scope="module")
def expected(segmentation):
    return {
        segment.name: read_by_others.sorted_places(lps_of_voxels(mask, A_GRID.kji_to_lps))
        for segment, mask in zip(segmentation.segments, masks_of(segmentation))
    }


@pytest.fixture(scope="module")
def reports(segmentation, tmp_path_factory):
    """One export for each row, in a folder of its own."""
    source = a_source()
    return {
        name: export(segmentation, source, tmp_path_factory.mktemp(name), name, options=fixed_options())
        for name in PLANS
    }


def joined(parts: list[read_by_others.Segments]) -> read_by_others.Segments:
    """Return the segments of all files; no segment with voxels may stand in two."""
    found = {}
    for segments in parts:
        for label, places in segments.items():
            assert not len(found.get(label, ()))
            found[label] = places
    return found


def assert_same_voxels(found: read_by_others.Segments, expected: read_by_others.Segments) -> None:
    present = {label: places for label, places in found.items() if len(places)}
    assert present.keys() == {label for label, places in expected.items() if len(places)}
    for label, places in present.items():
        assert np.array_equal(places, expected[label]), label


@every_plan
class TestEveryPlan:
    def test_is_verified(self, plan, reports):
        assert reports[plan.id].is_verified
        assert all(path.exists() for path in reports[plan.id].paths)

    def test_pydicom_finds_each_voxel_in_its_place(self, plan, reports, expected):
        assert_same_voxels(joined([read_by_others.by_pydicom(path) for path in reports[plan.id].paths]), expected)

    def test_the_file_says_what_its_row_says(self, plan, reports):
        for path in reports[plan.id].paths:
            seg = pydicom.dcmread(path)
            assert seg.SOPClassUID == seg.file_meta.MediaStorageSOPClassUID == plan.sop_class
            assert seg.SOPInstanceUID == seg.file_meta.MediaStorageSOPInstanceUID
            assert seg.file_meta.TransferSyntaxUID == plan.transfer_syntax
            assert seg.SegmentationType == plan.segmentation_type.value
            segments = [item for item in seg.SegmentSequence if item.SegmentNumber]
            assert seg.BitsAllocated == seg.BitsStored == plan.bits_allocated(len(segments))
            assert seg.HighBit == seg.BitsStored - 1
            assert seg.PhotometricInterpretation == "MONOCHROME2"
            assert seg.LossyImageCompression == "00"
            assert seg.get("PixelPaddingValue") == (0 if plan.is_label_map else None)
            assert ("MaximumFractionalValue" in seg) == (plan.segmentation_type is SegmentationType.FRACTIONAL)

    def test_segments_are_numbered_from_1_without_gaps_and_a_background_has_no_item(self, plan, reports):
        for path in reports[plan.id].paths:
            numbers = [item.SegmentNumber for item in pydicom.dcmread(path).SegmentSequence]
            assert numbers == list(range(1, numbers[-1] + 1))

    def test_segments_overlap_is_told_truly(self, plan, reports):
        for path in reports[plan.id].paths:
            stacked = [tuple(place) for places in read_by_others.by_pydicom(path).values() for place in places]
            told = pydicom.dcmread(path).SegmentsOverlap
            assert told == ("YES" if len(set(stacked)) < len(stacked) else "NO")

    def test_each_file_is_a_series_of_its_own_that_the_report_names(self, plan, reports):
        report = reports[plan.id]
        segs = [pydicom.dcmread(path) for path in report.paths]
        assert [seg.SeriesInstanceUID for seg in segs] == [one.series_instance_uid for one in report.instances]
        told = report.to_json()["instances"]
        assert [seg.SeriesInstanceUID for seg in segs] == [one["series_instance_uid"] for one in told]
        assert {seg.InstanceNumber for seg in segs} == {1}
        first = segs[0].SeriesNumber
        assert [seg.SeriesNumber for seg in segs] == list(range(first, first + len(segs)))
        ends = [f" {number} of {len(segs)}" if len(segs) > 1 else "" for number in range(1, len(segs) + 1)]
        assert [seg.SeriesDescription for seg in segs] == [f"Segmentation{end}" for end in ends]
        for uid in ("SeriesInstanceUID", "SOPInstanceUID"):
            assert len({seg[uid].value for seg in segs}) == len(segs)

    def test_frames_sort_by_segment_and_height(self, plan, reports):
        for path in reports[plan.id].paths:
            seg = pydicom.dcmread(path)
            indices = [
                tuple(np.atleast_1d(group.FrameContentSequence[0].DimensionIndexValues).tolist())
                for group in seg.PerFrameFunctionalGroupsSequence
            ]
            heights = [
                float(group.PlanePositionSequence[0].ImagePositionPatient[2])
                for group in seg.PerFrameFunctionalGroupsSequence
            ]
            assert indices == sorted(set(indices))
            assert len(indices[0]) == len(seg.DimensionIndexSequence)
            rank_of_height = {index[-1]: height for index, height in zip(indices, heights)}
            assert [rank_of_height[rank] for rank in sorted(rank_of_height)] == sorted(set(heights))

    def test_an_offset_leads_to_each_fragment(self, plan, reports):
        if not plan.is_encapsulated:
            assert plan.frame_coding is not FrameCoding.RLE
            return
        for path in reports[plan.id].paths:
            seg = pydicom.dcmread(path)
            offsets = pydicom.encaps.parse_basic_offsets(seg.PixelData)
            after_table = seg.PixelData[8 + 4 * len(offsets) :]
            count, found = pydicom.encaps.parse_fragments(after_table)
            assert (count, offsets) == (seg.NumberOfFrames, found)

    def test_what_it_says_is_complete(self, plan):
        assert all((plan.title, plan.advice, plan.reads_in, plan.fails_in))
        assert bool(plan.warning) == plan.is_for_experts
        assert plan.advice.endswith(".")


@pytest.mark.parametrize("plan", READ_BY_HIGHDICOM)
def test_highdicom_finds_each_voxel_in_its_place(plan, reports, expected):
    assert_same_voxels(joined([read_by_others.by_highdicom(path) for path in reports[plan.id].paths]), expected)


def test_the_shell_and_the_check_have_a_row_for_each():
    assert tuple(plan.id for plan in PLANS.values() if plan.is_label_map) == LABEL_MAP_IDS
    assert tuple(PLANS) == ENCODING_IDS, "ENCODING_IDS of cli/inputs.py has other ids, or another order, than PLANS"
    assert set(FORMS) == set(PLANS), "FORMS of verification/expected_header.py needs a row for each encoding of PLANS"


def test_the_default_is_rle_and_not_for_experts():
    assert DEFAULT_PLAN_ID == "rle"
    assert not PLANS[DEFAULT_PLAN_ID].is_for_experts


def test_label_maps_hold_all_segments_that_do_not_overlap():
    """Writer and check know no others, for which the segments without voxels would have to be spread otherwise."""
    assert {plan.split for plan in PLANS.values() if plan.is_label_map} == {Split.WHERE_OVERLAPPING}


def test_fractional_rows_hold_one_segment_a_file():
    """Slicer and dcmqi fuse several segments of one FRACTIONAL file without saying so."""
    fractional = [plan for plan in PLANS.values() if plan.segmentation_type is SegmentationType.FRACTIONAL]

    assert fractional
    assert all(plan.split is Split.EACH_SEGMENT for plan in fractional)
