"""From a node to its images, with a stand-in for Slicer's DICOM database (CTK's has these methods and names)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scenes
from pydicom import dcmread
from SegRLEExportLib.errors import ImageFilesGoneError, NoReferenceError, SourceFilesMissingError
from SegRLEExportLib.slicer_side.nodes.mrml_host import scene
from SegRLEExportLib.slicer_side.nodes.segmentation import read_segmentation
from SegRLEExportLib.slicer_side.nodes.source_images import find_source_of_node, reference_instance_uids


class FakeDatabase:
    """A DICOM database with the files of one folder."""

    isOpen = True  # noqa: N815 (CTK's name)

    def __init__(self, folder: Path) -> None:
        headers = {path: dcmread(path, stop_before_pixels=True) for path in sorted(folder.rglob("*.dcm"))}
        self.file_of = {str(header.SOPInstanceUID): str(path) for path, header in headers.items()}
        any_header = next(iter(headers.values()))
        self.study_uid, self.series_uid = str(any_header.StudyInstanceUID), str(any_header.SeriesInstanceUID)

    def fileForInstance(self, uid: str) -> str:
        return self.file_of.get(uid, "")

    def seriesForStudy(self, study_uid: str) -> tuple[str, ...]:
        return (self.series_uid,) if study_uid == self.study_uid else ()

    def filesForSeries(self, series_uid: str) -> tuple[str, ...]:
        return tuple(self.file_of.values()) if series_uid == self.series_uid else ()


@pytest.fixture(scope="module")
def database(chest_folder):
    return FakeDatabase(chest_folder)


def refer_to(node, volume) -> None:
    node.SetNodeReferenceID(node.GetReferenceImageGeometryReferenceRole(), volume.GetID())


def hierarchy():
    import slicer

    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene())


def item_of(node) -> int:
    """The node's item, made as Slicer's application makes it."""
    return hierarchy().CreateItem(hierarchy().GetSceneItemID(), node)


def test_the_nodes_reference_volume_names_the_images(overlapping_node, database):
    refer_to(overlapping_node, scenes.a_volume_node(list(database.file_of)))
    source = find_source_of_node(overlapping_node, read_segmentation(overlapping_node), database=database)
    assert source.series_instance_uid == database.series_uid
    assert len(source.frames) == len(database.file_of)


def test_the_callers_volume_goes_before_the_nodes(overlapping_node, database):
    refer_to(overlapping_node, scenes.a_volume_node(["1.2.3"]))
    named = scenes.a_volume_node(list(database.file_of))
    assert reference_instance_uids(overlapping_node, named) == list(database.file_of)


def test_a_named_volume_that_is_not_from_dicom_is_not_replaced_by_another(overlapping_node, database):
    refer_to(overlapping_node, scenes.a_volume_node(list(database.file_of)))
    assert reference_instance_uids(overlapping_node, scenes.a_volume_node()) == []


def test_the_subject_hierarchy_names_the_images_where_no_volume_does(overlapping_node, database):
    hierarchy().SetItemAttribute(item_of(overlapping_node), "DICOM.ReferencedInstanceUIDs", " ".join(database.file_of))
    source = find_source_of_node(overlapping_node, read_segmentation(overlapping_node), database=database)
    assert source.series_instance_uid == database.series_uid


def test_the_study_is_searched_where_nothing_names_the_images(overlapping_node, database):
    import slicer

    study = hierarchy().CreateStudyItem(hierarchy().GetSceneItemID(), "Study")
    hierarchy().SetItemUID(study, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), database.study_uid)
    hierarchy().SetItemParent(item_of(overlapping_node), study)
    source = find_source_of_node(overlapping_node, read_segmentation(overlapping_node), database=database)
    assert source.series_instance_uid == database.series_uid


def test_nothing_that_names_images_is_an_error_that_helps(database):
    node = scenes.a_segmentation_node(np.ones((2, 2, 2), np.uint8), {1: "one"})
    with pytest.raises(NoReferenceError, match=r"not known on which DICOM images 'Segmentation.*Choose the series"):
        find_source_of_node(node, read_segmentation(node), database=database)


def test_missing_files_are_counted(overlapping_node, database):
    refer_to(overlapping_node, scenes.a_volume_node([*database.file_of, "1.2.3", "1.2.4"]))
    total = len(database.file_of) + 2
    with pytest.raises(SourceFilesMissingError, match=f"2 of the {total} images .* Import the series .* again"):
        find_source_of_node(overlapping_node, read_segmentation(overlapping_node), database=database)


def test_a_file_that_was_deleted_is_named(overlapping_node, database):
    refer_to(overlapping_node, scenes.a_volume_node(list(database.file_of)))
    gone = FakeDatabase.__new__(FakeDatabase)
    vars(gone).update(vars(database), file_of=dict(database.file_of))
    first = next(iter(gone.file_of))
    gone.file_of[first] = "/nowhere/deleted.dcm"
    with pytest.raises(ImageFilesGoneError, match="The file /nowhere/deleted.dcm is gone from the disk"):
        find_source_of_node(overlapping_node, read_segmentation(overlapping_node), database=gone)
