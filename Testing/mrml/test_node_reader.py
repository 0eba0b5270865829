"""A segmentation node as plain values, against what slicer-core itself says of the node."""

from __future__ import annotations

import numpy as np
import pytest
import scenes
import SimpleITK as sitk
import vtk
from SegRLEExportLib.errors import (
    FlatteningTransformError,
    NoBinaryLabelmapError,
    NonLinearTransformError,
    NonLinearVolumeTransformError,
    UnusableLabelsError,
    UnusableTransformError,
)
from SegRLEExportLib.files import read as files
from SegRLEExportLib.model.segmentation import AlgorithmType
from SegRLEExportLib.model.terminology import Code
from SegRLEExportLib.slicer_side.nodes.mrml_host import read_segmentation_file, read_segmentation_node, scene
from SegRLEExportLib.slicer_side.nodes.segmentation import layer_count, read_segmentation, volume_geometry
from vtk.util.numpy_support import vtk_to_numpy

LABELS = np.zeros((4, 5, 6), dtype=np.uint8)
LABELS[1:3, 1:4, 2:5] = 1
LABELS[3, 0, 0] = 2


def voxels_in_world_ras(node, segment_id: str) -> set[tuple[float, ...]]:
    """Centres of a segment's voxels by Slicer's own merging, transform applied by vtk, rounded to a micrometre."""
    import slicer

    merged = slicer.vtkOrientedImageData()
    assert node.GetBinaryLabelmapRepresentation(segment_id, merged)
    matrix = vtk.vtkMatrix4x4()
    merged.GetImageToWorldMatrix(matrix)
    extent = merged.GetExtent()
    i, j, k = merged.GetDimensions()
    found = np.argwhere(vtk_to_numpy(merged.GetPointData().GetScalars()).reshape(k, j, i))
    transform = vtk.vtkGeneralTransform()
    if node.GetParentTransformNode():
        node.GetParentTransformNode().GetTransformToWorld(transform)
    places = set()
    for voxel_k, voxel_j, voxel_i in found:
        local = matrix.MultiplyPoint((voxel_i + extent[0], voxel_j + extent[2], voxel_k + extent[4], 1))[:3]
        places.add(tuple(round(x, 3) + 0.0 for x in transform.TransformPoint(local)))
    return places


def voxels_in_world_lps(segmentation, position: int) -> set[tuple[float, ...]]:
    """The same of our value, as RAS."""
    segment = segmentation.segments[position]
    layer = segmentation.layers[segment.layer_index]
    kji = np.argwhere(layer.labels_kji == segment.layer_value)
    lps = np.c_[kji, np.ones(len(kji))] @ layer.geometry.kji_to_lps.T
    return {tuple(round(x, 3) + 0.0 for x in (-place[0], -place[1], place[2])) for place in lps}


class TestLayers:
    def test_are_shared_and_not_copied(self, overlapping_node):
        segmentation = read_segmentation(overlapping_node)
        scalars = (
            overlapping_node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap").GetPointData()
        )
        assert len(segmentation.layers) == 2
        assert np.shares_memory(segmentation.layers[0].labels_kji, vtk_to_numpy(scalars.GetScalars()))

    def test_are_counted_without_a_look_at_them(self, overlapping_node):
        assert layer_count(overlapping_node) == 2
        overlapping_node.GetSegmentation().AddEmptySegment("Segment_empty", "nothing yet")
        assert layer_count(overlapping_node) == 2

    def test_cannot_be_written_to(self, overlapping_node):
        assert not read_segmentation(overlapping_node).layers[0].labels_kji.flags.writeable

    def test_lie_where_slicer_says(self, overlapping_node):
        segmentation = read_segmentation(overlapping_node)
        for position in (0, 7):
            segment_id = segmentation.segments[position].id
            assert voxels_in_world_lps(segmentation, position) == voxels_in_world_ras(overlapping_node, segment_id)

    @pytest.mark.parametrize("extent", [(0, 0, 0, 0, 0, 0), (4, 4, 2, 2, 7, 7)], ids=["at the origin", "cropped"])
    def test_of_one_voxel_lie_where_slicer_says(self, extent):
        node = scenes.a_segmentation_node(np.ones((1, 1, 1), np.uint8), {1: "one"}, TestTransforms.MATRIX)
        node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap").SetExtent(*extent)
        assert voxels_in_world_lps(read_segmentation(node), 0) == voxels_in_world_ras(node, "Segment_1")

    def test_lie_where_another_reader_finds_them(self, shared_data):
        path = shared_data / "05_sts_008_ct_pet_mr/seg/CT_mask.nii.gz"
        image = sitk.ReadImage(str(path))
        indices = np.argwhere(sitk.GetArrayFromImage(image))
        places = {
            tuple(round(x, 3) + 0.0 for x in image.TransformIndexToPhysicalPoint(index[::-1].tolist()))
            for index in indices
        }
        segmentation = files.read_segmentation(path)
        ours = {(-r, -a, s) for r, a, s in voxels_in_world_lps(segmentation, 0)}
        assert {tuple(x + 0.0 for x in place) for place in ours} == places

    def test_of_signed_type_are_read_as_unsigned(self):
        node = scenes.a_segmentation_node(LABELS.astype(np.int16), {1: "one"})
        layer = read_segmentation(node).layers[0]
        assert layer.labels_kji.dtype == np.uint16
        assert np.array_equal(layer.labels_kji, LABELS)

    def test_with_negative_values_are_refused(self):
        node = scenes.a_segmentation_node(LABELS.astype(np.int16) - 1, {1: "one"})
        with pytest.raises(
            UnusableLabelsError, match="its labels range from -1 to 1, and labels must be whole numbers from 0 to 65535"
        ):
            read_segmentation(node)

    def test_with_fractions_are_refused(self):
        node = scenes.a_segmentation_node(LABELS * 0.5, {1: "one"})
        with pytest.raises(UnusableLabelsError, match="its labels are not whole numbers from 0 to 65535"):
            read_segmentation(node)


class TestTransforms:
    MATRIX = np.array([[0, -1, 0, 11], [1, 0, 0, -7], [0, 0, 1, 3.5], [0, 0, 0, 1]])

    def test_linear_one_above_the_segmentation_is_applied(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one", 2: "two"}, np.diag([2.0, 3.0, 4.0, 1.0]))
        scenes.put_under_linear_transform(node, self.MATRIX)
        segmentation = read_segmentation(node)
        assert voxels_in_world_lps(segmentation, 0) == voxels_in_world_ras(node, "Segment_1")

    def test_the_same_one_above_the_volume_is_taken_back(self):
        node, volume = scenes.a_segmentation_node(LABELS, {1: "one"}), scenes.a_volume_node()
        alone = read_segmentation(node)
        for moved in (node, volume):
            scenes.put_under_linear_transform(moved, self.MATRIX)
        assert voxels_in_world_lps(read_segmentation(node, None, volume), 0) == voxels_in_world_lps(alone, 0)

    def test_one_above_the_volume_alone_moves_the_segmentation_the_other_way(self):
        node, volume = scenes.a_segmentation_node(LABELS, {1: "one"}), scenes.a_volume_node()
        before = voxels_in_world_lps(read_segmentation(node), 0)
        scenes.put_under_linear_transform(volume, np.array([[1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
        after = voxels_in_world_lps(read_segmentation(node, None, volume), 0)
        assert after == {(r - 5, a, s) for r, a, s in before}

    def test_bent_segmentation_is_refused(self):
        node, volume = scenes.a_segmentation_node(LABELS, {1: "one"}), scenes.a_volume_node()
        scenes.put_under_bent_transform(node)
        with pytest.raises(
            NonLinearTransformError, match=r"non-linear transform 'Bent.*Harden the transform on a copy"
        ):
            read_segmentation(node, None, volume)

    @pytest.mark.parametrize("is_shared", [False, True], ids=["alone", "with its segmentation"])
    def test_bent_volume_is_refused(self, is_shared):
        node, volume = scenes.a_segmentation_node(LABELS, {1: "one"}), scenes.a_volume_node()
        scenes.put_under_bent_transform(volume)
        node.SetAndObserveTransformNodeID(volume.GetTransformNodeID() if is_shared else None)
        expected = r"'CT' is under the non-linear transform 'Bent.* regularization to none"
        with pytest.raises(NonLinearVolumeTransformError, match=expected):
            read_segmentation(node, None, volume)

    @pytest.mark.parametrize("is_of_volume", [False, True], ids=["segmentation", "volume"])
    def test_one_that_makes_flat_is_refused(self, is_of_volume):
        node, volume = scenes.a_segmentation_node(LABELS, {1: "one"}), scenes.a_volume_node()
        scenes.put_under_linear_transform(volume if is_of_volume else node, np.diag([1, 1, 0, 1]))
        with pytest.raises(FlatteningTransformError, match="is under the transform 'Shift', which makes a volume flat"):
            read_segmentation(node, None, volume)

    @pytest.mark.parametrize("is_of_volume", [False, True], ids=["segmentation", "volume"])
    def test_the_one_that_bends_or_makes_flat_is_named(self, is_of_volume):
        node, volume = scenes.a_segmentation_node(LABELS, {1: "one"}), scenes.a_volume_node()
        for put, error in (
            (
                scenes.put_under_bent_transform,
                NonLinearVolumeTransformError if is_of_volume else NonLinearTransformError,
            ),
            (lambda below: scenes.put_under_linear_transform(below, np.diag([1, 1, 0, 1])), FlatteningTransformError),
        ):
            moved = volume if is_of_volume else node
            scenes.put_under_linear_transform(moved, self.MATRIX)
            put(moved.GetParentTransformNode())
            moved.GetParentTransformNode().GetParentTransformNode().SetName("Culprit")
            with pytest.raises(error, match="transform 'Culprit'"):
                read_segmentation(node, None, volume)

    @pytest.mark.parametrize(
        ("place", "number", "reason"),
        [
            ((0, 3), np.nan, "has numbers that are infinite or none"),
            ((1, 1), np.inf, "has numbers that are infinite or none"),
            ((2, 3), -1e12, r"moves it by 1e\+12 mm"),
            ((0, 0), 1e20, r"makes it 1e\+20 times as long"),
            ((0, 0), 1e-9, "makes it 1e-09 times as long"),
            ((0, 0), 1e300, r"makes it 1e\+300 times as long"),
        ],
    )
    @pytest.mark.parametrize("is_of_volume", [False, True], ids=["segmentation", "volume"])
    def test_one_that_means_no_place_is_refused_by_its_name(self, place, number, reason, is_of_volume):
        node, volume = scenes.a_segmentation_node(LABELS, {1: "one"}), scenes.a_volume_node()
        moved, matrix = (volume if is_of_volume else node), np.eye(4)
        matrix[place] = number
        scenes.put_under_linear_transform(moved, self.MATRIX)
        scenes.put_under_linear_transform(moved.GetParentTransformNode(), matrix)
        moved.GetParentTransformNode().GetParentTransformNode().SetName("Culprit")
        with pytest.raises(UnusableTransformError, match=f"'Culprit', whose matrix {reason}"):
            read_segmentation(node, None, volume)

    def test_one_that_moves_far_makes_nothing_flat(self):
        node, matrix = scenes.a_segmentation_node(LABELS, {1: "one"}), np.eye(4)
        matrix[:3, 3] = 1e8
        scenes.put_under_linear_transform(node, matrix)
        assert voxels_in_world_lps(read_segmentation(node), 0) == voxels_in_world_ras(node, "Segment_1")


class TestWhatScriptsSet:
    @pytest.mark.parametrize(("value", "told"), [(-3, "-3"), (0, "0"), (70000, "70000"), (256, "256")])
    def test_a_label_value_that_no_voxel_can_have_is_told(self, value, told):
        node = scenes.a_segmentation_node(LABELS, {1: "one"})
        node.GetSegmentation().GetNthSegment(0).SetLabelValue(value)
        sentence = rf"its segment 'one' has the label value {told}, .* from 1 to 255 \(SetLabelValue\)"
        with pytest.raises(UnusableLabelsError, match=sentence):
            read_segmentation(node)

    def test_two_segments_with_the_same_voxels_are_told(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one", 2: "two"})
        node.GetSegmentation().GetNthSegment(1).SetLabelValue(1)
        with pytest.raises(
            UnusableLabelsError, match="its segments 'one' and 'two' have one label value, 1, in one lab"
        ):
            read_segmentation(node)

    def test_a_value_of_nobody_beside_another_is_told_as_what_it_is(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one", 2: "two"})
        node.GetSegmentation().GetNthSegment(1).SetLabelValue(0)
        with pytest.raises(UnusableLabelsError, match="its segment 'two' has the label value 0, and should have one"):
            read_segmentation(node)

    def test_an_algorithm_type_that_is_none_is_told(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one"})
        node.GetSegmentation().GetNthSegment(0).SetTag("DICOM.SegmentAlgorithmType", "foo")
        sentence = (
            "'Segmentation.*' cannot be exported: its segment 'one' has the algorithm type 'foo', and MANUAL, "
            r"SEMIAUTOMATIC, AUTOMATIC are possible \(tag DICOM.SegmentAlgorithmType\)\.$"
        )
        with pytest.raises(UnusableLabelsError, match=sentence):
            read_segmentation(node)

    def test_a_labelmap_of_another_size_than_it_says_is_told(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one"})
        node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap").SetDimensions(1, 1, 1)
        with pytest.raises(UnusableLabelsError, match=f"a labelmap of 1 x 1 x 1 voxels has {LABELS.size} values"):
            read_segmentation(node)

    def test_a_color_that_is_none_is_black_there(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one"})
        node.GetSegmentation().GetNthSegment(0).SetColor(-1, 2, float("nan"))
        assert read_segmentation(node).segments[0].color_rgb == (0, 1, 0)


def a_volume_around_the_origin():
    """A volume of voxels of 2 mm, 40 each way."""
    volume = scenes.a_volume_node()
    to_ras = np.diag([2.0, 2.0, 2.0, 1.0])
    to_ras[:3, 3] = -39
    scenes.put_voxels_into(volume, (40, 40, 40), to_ras)
    return volume


class TestOtherRepresentations:
    def test_surface_is_converted_on_a_copy(self):
        node = scenes.a_surface_node(radius_mm=10)
        segmentation = read_segmentation(node)
        layer = segmentation.layers[0]
        volume_mm3 = np.count_nonzero(layer.labels_kji) * abs(np.linalg.det(layer.geometry.kji_to_lps))
        assert volume_mm3 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.1)
        assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")

    def test_surfaces_become_voxels_of_the_images(self):
        node, volume = scenes.a_surface_node(radius_mm=10), scenes.a_volume_node()
        to_ras = np.array([[0, -2.0, 0, 30], [3.0, 0, 0, -40], [0, 0, 4.0, -30], [0, 0, 0, 1]])
        scenes.put_voxels_into(volume, (20, 30, 25), to_ras)
        for moved in (node, volume):
            scenes.put_under_linear_transform(moved, TestTransforms.MATRIX)
        layer = read_segmentation(node, None, volume).layers[0]
        images = volume_geometry(volume)
        index = np.linalg.inv(images.kji_to_lps) @ layer.geometry.kji_to_lps
        assert np.allclose(index[:3, :3], np.eye(3))
        assert np.allclose(index[:3, 3], np.rint(index[:3, 3]))
        volume_mm3 = np.count_nonzero(layer.labels_kji) * 24
        assert volume_mm3 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.2)

    @pytest.mark.parametrize("is_first", [True, False], ids=["before", "behind"])
    @pytest.mark.parametrize("has_labelmap", [True, False], ids=["with an empty labelmap", "without a labelmap"])
    def test_surface_of_one_segment_beside_labelmaps_is_converted(self, has_labelmap, is_first):
        node = scenes.a_segmentation_node((LABELS == 1).astype(np.uint8), {1: "one"})
        surface = scenes.a_surface_node(radius_mm=10).GetSegmentation().GetNthSegment(0)
        segmentation, segment_id = node.GetSegmentation(), "A" if is_first else "T"
        segmentation.AddEmptySegment(segment_id, "ball")
        ball = segmentation.GetSegment(segment_id)
        ball.AddRepresentation("Closed surface", surface.GetRepresentation("Closed surface"))
        if not has_labelmap:
            ball.RemoveRepresentation("Binary labelmap")
        before = node.GetMTime(), segmentation.GetMTime(), ball.GetMTime()

        read = read_segmentation(node, None, a_volume_around_the_origin())

        assert [segment.name for segment in read.segments] == ["one", "ball"]
        alone = read_segmentation(scenes.a_segmentation_node((LABELS == 1).astype(np.uint8), {1: "one"}))
        assert voxels_in_world_lps(read, 0) == voxels_in_world_lps(alone, 0)
        assert len(voxels_in_world_lps(read, 1)) * 8 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.1)
        assert (node.GetMTime(), segmentation.GetMTime(), ball.GetMTime()) == before
        told = [(finding.id, finding.where, finding.what) for finding in read.findings]
        sentence = "It has a surface, and no voxel in its binary labelmap, so the surface was converted to voxels."
        assert told == ([("surface-converted", "ball", sentence)] if has_labelmap else [])

    def test_surface_of_what_may_have_been_erased_is_refused_until_one_is_taken(self):
        labels = LABELS.copy()
        node = scenes.a_segmentation_node(labels, {1: "one", 2: "two"})
        segmentation = node.GetSegmentation()
        assert segmentation.CreateRepresentation("Closed surface")
        two = segmentation.GetNthSegment(1)
        voxels = vtk_to_numpy(two.GetRepresentation("Binary labelmap").GetPointData().GetScalars())
        voxels[voxels == 2] = 0
        sentence = (
            "'Segmentation.*' cannot be exported: its segment 'two' has a surface, and no voxel in its binary "
            "labelmap, and which of them is meant is not known; take the other from the segment "
            r"\(RemoveRepresentation\('Closed surface'\) or \('Binary labelmap'\)\)\.$"
        )
        with pytest.raises(UnusableLabelsError, match=sentence):
            read_segmentation(node)
        two.RemoveRepresentation("Closed surface")
        assert voxels_in_world_lps(read_segmentation(node), 1) == set()

    def test_surface_of_what_is_drawn_is_not_converted(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one", 2: "two"})
        assert node.GetSegmentation().CreateRepresentation("Closed surface")
        read = read_segmentation(node)
        assert (len(read.layers), read.findings) == (1, ())
        assert voxels_in_world_lps(read, 1) == voxels_in_world_ras(node, "Segment_2")

    def test_contours_that_cannot_be_converted_are_refused(self, shared_data):
        path = shared_data / "11_slicer_old_seg_slicerrt/TinyPatientStructureSet.seg.vtm"
        with pytest.raises(NoBinaryLabelmapError, match=r"stored as Planar contour.*create the Binary labelmap"):
            read_segmentation_file(path)


class TestSegments:
    def test_keep_names_ids_order_and_colors(self, overlapping_node):
        segmentation = read_segmentation(overlapping_node)
        slicers = overlapping_node.GetSegmentation()
        ids = [slicers.GetNthSegmentID(n) for n in range(slicers.GetNumberOfSegments())]
        assert [segment.id for segment in segmentation.segments] == ids
        assert [segment.name for segment in segmentation.segments] == [slicers.GetSegment(i).GetName() for i in ids]
        assert segmentation.segments[5].color_rgb == slicers.GetSegment(ids[5]).GetColor()

    def test_keep_their_codes(self, overlapping_node):
        left_lung = read_segmentation(overlapping_node).segments[5]
        assert left_lung.terminology.type == Code("SCT", "39607008", "Lung")
        assert left_lung.terminology.type_modifier == Code("SCT", "7771000", "Left")

    def test_can_be_chosen(self, overlapping_node):
        segmentation = read_segmentation(overlapping_node, ["Segment_5", "Segment_2"])
        assert [segment.id for segment in segmentation.segments] == ["Segment_2", "Segment_5"]

    @pytest.mark.parametrize("text", ["AUTOMATIC", "automatic", " Automatic\n"])
    def test_keep_algorithm_and_description(self, text):
        node = scenes.a_segmentation_node(LABELS, {1: "one"})
        segment = node.GetSegmentation().GetNthSegment(0)
        segment.SetTag("DICOM.SegmentAlgorithmType", text)
        segment.SetTag("DICOM.SegmentAlgorithmName", "TotalSegmentator")
        segment.SetTag("Description", "by the night job")
        read = read_segmentation(node).segments[0]
        assert (read.algorithm_type, read.algorithm_name) == (AlgorithmType.AUTOMATIC, "TotalSegmentator")
        assert read.description == "by the night job"

    def test_tell_codes_that_lack_a_part(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one"})
        segment = node.GetSegmentation().GetNthSegment(0)
        segment.SetTag(segment.GetTerminologyEntryTagName(), "c~SCT^123037004^Anatomical Structure~SCT^10200004^~^^")
        read = read_segmentation(node).segments[0]
        assert (read.terminology, read.code_faults) == (None, ("its type 'SCT^10200004^' lacks a meaning",))

    def test_are_manual_as_in_slicers_own_export_where_nothing_is_said(self):
        assert read_segmentation(scenes.a_segmentation_node(LABELS, {1: "one"})).segments[0].algorithm_type is (
            AlgorithmType.MANUAL
        )

    def test_without_any_voxel_are_read_as_empty(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one", 2: "two"})
        node.GetSegmentation().AddEmptySegment("Segment_empty", "nothing yet")
        segmentation = read_segmentation(node)
        empty = segmentation.segments[2]
        assert empty.name == "nothing yet"
        assert not np.any(segmentation.layers[empty.layer_index].labels_kji == empty.layer_value)

    def test_without_any_labelmap_are_read_as_empty(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one", 2: "two", 3: "three"})
        for n in (1, 2):
            node.GetSegmentation().GetNthSegment(n).RemoveRepresentation("Binary labelmap")
            node.GetSegmentation().GetNthSegment(n).SetLabelValue(300)
        segmentation = read_segmentation(node)
        assert [segment.name for segment in segmentation.segments] == ["one", "two", "three"]
        assert [len(voxels_in_world_lps(segmentation, n)) for n in (0, 1, 2)] == [np.count_nonzero(LABELS == 1), 0, 0]

    def test_without_any_labelmap_lie_on_the_grid_of_the_others(self):
        node = scenes.a_segmentation_node(LABELS, {1: "one", 2: "two"}, TestTransforms.MATRIX)
        node.GetSegmentation().GetNthSegment(0).RemoveRepresentation("Binary labelmap")
        empty, drawn = (layer.geometry.kji_to_lps for layer in read_segmentation(node).layers)
        assert np.array_equal(empty, drawn)


@pytest.mark.parametrize(
    ("name", "segments", "layers"),
    [
        ("10_slicer_seg_nrrd_slicerio/Segmentation.seg.nrrd", 7, 1),
        ("10_slicer_seg_nrrd_slicerio/SegmentationOverlapping.seg.nrrd", 8, 2),
        ("11_slicer_old_seg_slicerrt/EclipseProstate_Bladder_Union_PTV.seg.nrrd", 1, 1),
        ("11_slicer_old_seg_slicerrt/EclipseProstate_Expanded_5_5_5_Rectum.seg.nrrd", 1, 1),
        ("12_slicer_core_generated/sts008_CT.seg.nrrd", 3, 3),
        ("12_slicer_core_generated/sts008_CT_cropped.seg.nrrd", 3, 3),
        ("12_slicer_core_generated/sts008_PET.seg.nrrd", 2, 2),
        ("01_ct_3slice_dcmqi/seg/liver_spine_gapped_seg.nrrd", 2, 1),
        ("05_sts_008_ct_pet_mr/seg/PET_mask.nii.gz", 1, 1),
    ],
)
def test_every_file_format_is_read(shared_data, name, segments, layers):
    segmentation = files.read_segmentation(shared_data / name)
    assert (len(segmentation.segments), len(segmentation.layers)) == (segments, layers)
    assert all(
        np.any(segmentation.layers[segment.layer_index].labels_kji == segment.layer_value)
        for segment in segmentation.segments
    )


def test_reading_changes_neither_node_nor_scene():
    node = read_segmentation_node(scenes.SEGMENTS)
    before = node.GetMTime(), node.GetSegmentation().GetMTime(), scene().GetNumberOfNodes()
    read_segmentation(node)
    assert (node.GetMTime(), node.GetSegmentation().GetMTime(), scene().GetNumberOfNodes()) == before
