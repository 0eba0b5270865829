"""What is said of frames: made as bytes from templates, read again by pydicom (PS3.3, C.7.6.16)."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from builders import A_GRID, a_grid, a_segmentation, a_source, drafts, two_overlapping_boxes
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filereader import read_dataset
from SegRLEExportLib.dataset.functional_groups import FrameGroups, matching_frames, shared_groups
from SegRLEExportLib.model.geometry import Geometry, PlaneStack
from SegRLEExportLib.model.source_series import SourceFrame
from SegRLEExportLib.options import Grid


def groups_of(draft):
    found = draft.survey
    pieces = FrameGroups(
        draft.instance, found.stack, found.source_frames, is_label_map=draft.plan.is_label_map
    ).pieces()
    dataset = read_dataset(BytesIO(b"".join(pieces)), is_implicit_VR=False, is_little_endian=True)
    return dataset.PerFrameFunctionalGroupsSequence


class TestFrames:
    @pytest.mark.parametrize("encoding", ["none", "rle"])
    def test_are_described_once_each_at_their_place_with_their_source(self, encoding):
        source = a_source()
        (draft,) = drafts(a_segmentation(), encoding, source)

        groups = groups_of(draft)

        assert len(groups) == draft.instance.frame_count
        for group, plane in zip(groups, draft.instance.frame_planes.tolist()):
            assert np.allclose(group.PlanePositionSequence[0].ImagePositionPatient, source.stack.positions_lps[plane])
            derivation = group.DerivationImageSequence[0]
            image = derivation.SourceImageSequence[0]
            assert image.ReferencedSOPInstanceUID == source.frames[plane].sop_instance_uid
            assert image.ReferencedSOPClassUID == source.frames[plane].sop_class_uid
            assert image.SpatialLocationsPreserved == "YES"
            assert image.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
            assert derivation.DerivationCodeSequence[0].CodeValue == "113076"
            assert "ReferencedFrameNumber" not in image

    def test_are_indexed_by_segment_and_rank_of_their_plane(self):
        (draft,) = drafts(a_segmentation(list(two_overlapping_boxes())), "none")

        indices = [list(group.FrameContentSequence[0].DimensionIndexValues) for group in groups_of(draft)]

        assert indices == [[1, rank] for rank in range(1, 6)] + [[2, rank] for rank in range(4, 9)]

    def test_of_label_maps_are_indexed_by_rank_alone_and_name_no_segment(self):
        (draft,) = drafts(a_segmentation([two_overlapping_boxes()[0]]), "rle")

        groups = groups_of(draft)

        assert [group.FrameContentSequence[0].DimensionIndexValues for group in groups] == [1, 2, 3, 4, 5]
        assert not any("SegmentIdentificationSequence" in group for group in groups)

    def test_of_enhanced_images_refer_to_frame_numbers(self):
        source = a_source()
        frames = tuple(SourceFrame("1.2.3", "1.2.3.4", number) for number in range(1, 11))
        (draft,) = drafts(a_segmentation(), "none", replace(source, frames=frames))

        images = [group.DerivationImageSequence[0].SourceImageSequence[0] for group in groups_of(draft)]

        planes = draft.instance.frame_planes.tolist()
        assert [image.ReferencedFrameNumber for image in images] == [plane + 1 for plane in planes]

    def test_without_a_source_image_have_an_empty_derivation(self):
        between = Geometry(A_GRID.shape_kji, A_GRID.kji_to_lps @ a_shift(k=0.5))
        (draft,) = drafts(a_segmentation(grid=between), "none", grid=Grid.SEGMENTATION, clip=True)

        assert all(len(group.DerivationImageSequence) == 0 for group in groups_of(draft))

    def test_are_written_in_pieces_of_whole_items(self):
        grid = a_grid((300, 2, 2))
        (draft,) = drafts(a_segmentation([np.ones(grid.shape_kji, bool)], grid=grid), "none", a_source(grid))

        assert len(groups_of(draft)) == 300


def a_shift(**voxels):
    to_kji = np.eye(4)
    to_kji[:3, 3] = [voxels.get(axis, 0) for axis in "kji"]
    return to_kji


class TestSharedGroups:
    def test_say_spacing_thickness_and_orientation(self):
        groups = shared_groups(a_source().stack, 2.5)

        measures = groups.PixelMeasuresSequence[0]
        assert measures.PixelSpacing == [0.8, 0.7]
        assert (measures.SliceThickness, measures.SpacingBetweenSlices) == (2.5, 3)
        assert groups.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]

    def test_say_no_spacing_where_no_even_steps_lead_to_the_planes(self):
        stack = a_source().stack
        positions = stack.positions_lps[:6] + np.outer([0, 0, 0.5, -1.5, -2, 0], [0, 0, 1])
        uneven = replace(stack, positions_lps=positions)

        measures = shared_groups(uneven, 3.0).PixelMeasuresSequence[0]

        assert "SpacingBetweenSlices" not in measures
        assert measures.SliceThickness == 3


class TestMatchingFrames:
    @pytest.mark.parametrize(("shift_mm", "matches"), [(0.0, True), (0.009, True), (0.011, False), (1.4, False)])
    def test_lie_in_the_plane_within_the_tolerance(self, shift_mm, matches):
        source = a_source()
        stack = replace(source.stack, positions_lps=source.stack.positions_lps + [0, 0, shift_mm])

        found = matching_frames(stack, source.stack, source.frames, 0.01)

        assert found == (list(source.frames) if matches else [None] * 10)

    def test_of_planes_that_are_not_parallel_are_none(self):
        source = a_source()
        sagittal = PlaneStack(4, 4, [0, 1, 0], [0, 0, 1], (1.0, 1.0), [[0, 0, -100]])

        assert matching_frames(sagittal, source.stack, source.frames, 0.01) == [None]

    @given(st.permutations(range(10)))
    def test_are_found_in_any_order(self, order):
        source = a_source()
        stack = source.stack.only(np.array(order))

        found = matching_frames(stack, source.stack, source.frames, 0.01)

        assert found == [source.frames[plane] for plane in order]
