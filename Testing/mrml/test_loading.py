"""From a node to SEG and back, in every encoding: what Slicer says of the loaded node is what it said of the first."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import numpy as np
import pytest
import scenes
from SegRLEExportLib.encoding.plan import PLANS, Split
from SegRLEExportLib.errors import NotASegmentationFileError, SeriesNotLoadedError
from SegRLEExportLib.export import export
from SegRLEExportLib.model.segmentation import AlgorithmType
from SegRLEExportLib.model.terminology import TISSUE
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.slicer_side.nodes.export import export_node
from SegRLEExportLib.slicer_side.nodes.loading import (
    files_at,
    load_path,
    load_segmentation,
    refer_to_images,
    volumes_of,
)
from SegRLEExportLib.slicer_side.nodes.mrml_host import scene
from SegRLEExportLib.slicer_side.nodes.segmentation import layer_count, read_segmentation
from test_node_reader import voxels_in_world_ras
from test_without_place import COLUMNS, ROWS, SERIES_UID, an_image, masks, on_pixels

BINARY_LABELMAP = "Binary labelmap"


@pytest.fixture
def marked_node(overlapping_node):
    """Eight segments of which two overlap, one with an algorithm, moved to the end, and an empty one in their midst."""
    segmentation = overlapping_node.GetSegmentation()
    marked = segmentation.GetNthSegment(0)
    marked.SetTag("DICOM.SegmentAlgorithmType", "AUTOMATIC")
    marked.SetTag("DICOM.SegmentAlgorithmName", "TotalSegmentator")
    marked.SetTag("Description", "by the night job")
    segmentation.AddEmptySegment("Segment_empty", "nothing there", [0.25, 0.5, 0.75])
    segmentation.SetSegmentIndex("Segment_empty", 3)
    segmentation.SetSegmentIndex(segmentation.GetNthSegmentID(0), 8)
    return overlapping_node


def names_of(node) -> list[str]:
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())]


def id_of(node, name: str) -> str:
    return node.GetSegmentation().GetSegmentIdBySegmentName(name)


@pytest.mark.parametrize("encoding", PLANS)
def test_a_node_comes_back_as_it_went(marked_node, chest_folder, tmp_path, encoding):
    export_node(marked_node, tmp_path / "out", encoding, source=chest_folder)

    loaded = load_path(tmp_path / "out", scene())

    before, after = read_segmentation(marked_node), read_segmentation(loaded)
    by_name = {segment.name: segment for segment in after.segments}
    with_voxels = [name for name in names_of(marked_node) if name != "nothing there"]
    keeps_empty = PLANS[encoding].split is not Split.EACH_SEGMENT
    assert names_of(loaded) == (names_of(marked_node) if keeps_empty else with_voxels)
    for segment in before.segments:
        if segment.name not in by_name:
            continue
        found = by_name[segment.name]
        assert found.terminology == (segment.terminology or TISSUE)
        assert found.color_rgb == pytest.approx(segment.color_rgb, abs=0.01)
        assert (found.algorithm_type, found.algorithm_name, found.description) == (
            segment.algorithm_type,
            segment.algorithm_name,
            segment.description,
        )
        if segment.name != "nothing there":
            assert voxels_in_world_ras(loaded, id_of(loaded, segment.name)) == voxels_in_world_ras(
                marked_node, segment.id
            )


def test_segments_share_layers_where_they_can(marked_node, chest_folder, tmp_path):
    export_node(marked_node, tmp_path / "out", "none", source=chest_folder)
    assert layer_count(load_path(tmp_path / "out", scene())) == 2


def test_tracking_and_algorithm_survive_a_second_export(marked_node, chest_folder, tmp_path):
    export_node(marked_node, tmp_path / "first", "none", source=chest_folder)
    first = read_segmentation(load_path(tmp_path / "first", scene()))
    assert first.segments[-1].algorithm_type is AlgorithmType.AUTOMATIC
    assert all(segment.tracking_uid for segment in first.segments)
    again = load_path(tmp_path / "first", scene())
    export_node(again, tmp_path / "second", "rle", source=chest_folder)
    second = read_segmentation(load_path(tmp_path / "second", scene()))
    assert {segment.name: segment.tracking_uid for segment in first.segments} == {
        segment.name: segment.tracking_uid for segment in second.segments
    }


def test_a_copy_of_a_segment_is_tracked_as_another(chest_folder, tmp_path, overlapping_node):
    export_node(overlapping_node, tmp_path / "first", "none", source=chest_folder)
    node = load_path(tmp_path / "first", scene())
    copied = node.GetSegmentation().GetNthSegment(0)
    _add_copy(node, copied)
    report = export_node(node, tmp_path / "second", "none", source=chest_folder)
    uids = [record.tracking_uid for record in SegFile(report.paths[0]).segments]
    assert len(set(uids)) == len(uids) == node.GetSegmentation().GetNumberOfSegments()


def _add_copy(node, segment):
    import slicer

    copy = slicer.vtkSegment()
    copy.DeepCopy(segment)
    copy.SetName("copy")
    node.GetSegmentation().AddSegment(copy, "copy")


def test_voxels_live_as_long_as_the_node(chest_folder, tmp_path, overlapping_node):
    export_node(overlapping_node, tmp_path / "out", "labelmap", source=chest_folder)
    node = load_path(tmp_path / "out", scene())
    gc.collect()
    rubbish = [np.full(200_000, 77, np.uint8) for _ in range(200)]
    for segment_id in ("Segment_1", "Segment_3"):
        name = node.GetSegmentation().GetSegment(segment_id).GetName()
        assert voxels_in_world_ras(node, segment_id) == voxels_in_world_ras(
            overlapping_node, id_of(overlapping_node, name)
        )
    assert len(rubbish) == 200


def test_it_refers_to_the_volume_that_shows_its_images(chest_folder, tmp_path, overlapping_node):
    report = export_node(overlapping_node, tmp_path / "out", "none", source=chest_folder)
    node = load_segmentation(report.paths, scene())
    other, shown = scenes.a_volume_node(["1.2.3"]), scenes.a_volume_node(["1.2.4", "1.2.5"])
    for volume in (other, shown):
        scenes.put_voxels_into(volume, (2, 2, 2), np.eye(4))

    assert refer_to_images(node, ["1.2.5", "1.2.6"]) is shown

    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is shown
    assert refer_to_images(node, ["9.9"]) is None


def test_images_that_are_not_in_the_scene_are_loaded_from_the_database(chest_folder, tmp_path, overlapping_node):
    class Database:
        def fileForInstance(self, uid):
            return f"{uid}.dcm"

        def seriesForFile(self, file):
            return f"series of {file}"

    for volume in volumes_of(scene()):
        scene().RemoveNode(volume)
    report = export_node(overlapping_node, tmp_path / "out", "none", source=chest_folder)
    asked = []
    load_path(list(report.paths), scene(), database=Database(), load_series=asked.append)
    ((series,),) = asked
    assert series.startswith("series of ")


@pytest.mark.parametrize(
    ("error", "told"),
    [(RuntimeError("The plugin failed."), "The plugin failed"), (KeyError(), "KeyError")],
    ids=["with a reason", "without"],
)
def test_images_that_slicer_cannot_load_are_told_and_the_scene_is_as_it_was(
    chest_folder, tmp_path, overlapping_node, error, told
):
    database = SimpleNamespace(fileForInstance=lambda uid: f"{uid}.dcm", seriesForFile=lambda file: f"of {file}")
    for volume in volumes_of(scene()):
        scene().RemoveNode(volume)
    report = export_node(overlapping_node, tmp_path / "out", "none", source=chest_folder)

    def fail(_series):
        scenes.a_volume_node()
        raise error

    before = [scene().GetNthNode(n) for n in range(scene().GetNumberOfNodes())]
    sentence = f"^The images that were segmented could not be loaded from Slicer's DICOM database: {told}. Load them"
    with pytest.raises(SeriesNotLoadedError, match=sentence):
        load_path(list(report.paths), scene(), database=database, load_series=fail)
    assert [scene().GetNthNode(n) for n in range(scene().GetNumberOfNodes())] == before


def test_a_file_that_is_none_leaves_the_scene_as_it_was(tmp_path):
    (tmp_path / "no.dcm").write_bytes(b"no DICOM")
    before = scene().GetNumberOfNodes()
    with pytest.raises(NotASegmentationFileError):
        load_path(tmp_path / "no.dcm", scene())
    assert scene().GetNumberOfNodes() == before
    assert files_at([tmp_path / "a", tmp_path / "b"]) == [tmp_path / "a", tmp_path / "b"]


def test_one_file_of_several_is_loaded_with_a_warning(marked_node, chest_folder, tmp_path, caplog):
    first, second = export_node(marked_node, tmp_path / "seg.dcm", "rle", source=chest_folder).paths
    load_segmentation([first, second], scene())
    assert caplog.messages == []

    load_segmentation([second], scene())

    assert caplog.messages == [
        "SegRLEExport: warning: seg_2.dcm: This is file 2 of 2 of an export: the segments of the other file are "
        "missing. Give all its files, or their folder."
    ]


def test_what_has_no_place_is_laid_on_the_radiograph_as_slicer_shows_it(tmp_path):
    image = an_image(tmp_path / "cr")
    export(on_pixels(), image, tmp_path / "seg.dcm", "none")
    volume = scene().AddNewNodeByClass("vtkMRMLScalarVolumeNode", "radiograph")
    ijk_to_ras = np.diag([-0.2, -0.3, 1.0, 1.0])
    scenes.put_voxels_into(volume, (1, ROWS, COLUMNS), ijk_to_ras)
    volume.SetAttribute("DICOM.instanceUIDs", f"{SERIES_UID}.1")

    node = load_path(tmp_path / "seg.dcm", scene())

    for segment, mask in zip(read_segmentation(node).segments, masks(), strict=True):
        wanted = np.argwhere(mask)[:, ::-1] @ ijk_to_ras[:3, :3].T
        found = voxels_in_world_ras(node, id_of(node, segment.name))
        np.testing.assert_allclose(sorted(found), sorted(map(tuple, wanted.round(6).tolist())), atol=1e-3)
