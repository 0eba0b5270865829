"""What the DICOM export dialog is told at every click, with a stand-in for Slicer's DICOM database."""

from __future__ import annotations

import numpy as np
import pytest
import scenes
from pydicom import dcmread
from SegRLEExportLib.errors import (
    NoDatabaseError,
    NonLinearTransformError,
    NonLinearVolumeTransformError,
    NoReferenceError,
    NothingSegmentedError,
    SourceFilesMissingError,
)
from SegRLEExportLib.slicer_side.dialog.examination import identity_of_images, refuse_hopeless, suggested_series_number
from SegRLEExportLib.slicer_side.dialog.fields import IDENTITY_TAGS
from test_source_lookup import FakeDatabase, hierarchy, item_of, refer_to

NUMBER_OF_IMAGES = 4


class DialogDatabase(FakeDatabase):
    """Answers what the dialog asks beside files; counts the questions for single instances."""

    isOpen = True  # noqa: N815 (CTK)

    def __init__(self, folder) -> None:
        super().__init__(folder)
        self.number_of_series = {self.series_uid: str(NUMBER_OF_IMAGES)}
        self.questions = 0

    def fileForInstance(self, uid):
        self.questions += 1
        return super().fileForInstance(uid)

    def seriesForFile(self, file):
        return self.series_uid if file in self.file_of.values() else ""

    def studyForSeries(self, series_uid):
        return self.study_uid if series_uid in self.number_of_series else ""

    def seriesForStudy(self, study_uid):
        return tuple(self.number_of_series) if study_uid == self.study_uid else ()

    def instancesForSeries(self, series_uid):
        return tuple(self.file_of) if series_uid == self.series_uid else ()

    def fieldForSeries(self, field, series_uid):
        assert field == "SeriesNumber"
        return self.number_of_series[series_uid]

    def fileValue(self, file, tag):
        element = dcmread(file, stop_before_pixels=True).get(tuple(int(part, 16) for part in tag.split(",")))
        return "" if element is None else str(element.value)


@pytest.fixture
def database(chest_folder):
    return DialogDatabase(chest_folder)


@pytest.fixture
def node(database):
    """One segment, drawn on the images of the database, with an item of its own study."""
    segmentation_node = scenes.a_segmentation_node(np.ones((2, 2, 2), np.uint8), {1: "one"})
    refer_to(segmentation_node, scenes.a_volume_node(list(database.file_of)))
    study = hierarchy().CreateStudyItem(hierarchy().GetSceneItemID(), "Study")
    hierarchy().SetItemParent(item_of(segmentation_node), study)
    return segmentation_node


class TestHopeless:
    def test_a_good_node_passes_with_few_questions(self, node, database):
        refuse_hopeless(node, database)
        assert database.questions == 1

    def test_missing_images_are_counted(self, node, database):
        refer_to(node, scenes.a_volume_node([*database.file_of, "1.2.3"]))
        with pytest.raises(SourceFilesMissingError, match="1 of the"):
            refuse_hopeless(node, database)

    def test_no_segment(self, node, database):
        node.GetSegmentation().RemoveAllSegments()
        with pytest.raises(NothingSegmentedError):
            refuse_hopeless(node, database)

    def test_no_database(self, node, database):
        with pytest.raises(NoDatabaseError):
            refuse_hopeless(node, None)
        database.isOpen = False
        with pytest.raises(NoDatabaseError):
            refuse_hopeless(node, database)

    def test_no_reference(self, node, database):
        refer_to(node, scenes.a_volume_node())
        with pytest.raises(NoReferenceError, match="in the SegRLEExport module and press 'Make DICOM images'"):
            refuse_hopeless(node, database)

    @pytest.mark.parametrize(
        ("bent", "error"),
        [("segmentation", NonLinearTransformError), ("images", NonLinearVolumeTransformError)],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_a_bending_transform_between_segmentation_and_images(self, node, database, bent, error):
        volume = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
        scenes.put_under_bent_transform(node if bent == "segmentation" else volume)
        with pytest.raises(error, match="non-linear transform 'Bent"):
            refuse_hopeless(node, database)


class TestSeriesNumber:
    def test_is_that_of_the_images_plus_100(self, node, database):
        assert suggested_series_number(node, database) == NUMBER_OF_IMAGES + 100

    def test_is_free_in_the_study(self, node, database):
        database.number_of_series["1.2.3"] = str(NUMBER_OF_IMAGES + 100)
        assert suggested_series_number(node, database) == NUMBER_OF_IMAGES + 101

    def test_is_another_for_the_second_segmentation_of_the_study(self, node, database):
        second = scenes.a_segmentation_node(np.ones((2, 2, 2), np.uint8), {1: "one"})
        refer_to(second, node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()))
        hierarchy().SetItemParent(item_of(second), hierarchy().GetItemParent(hierarchy().GetItemByDataNode(node)))
        assert suggested_series_number(node, database) == NUMBER_OF_IMAGES + 100
        assert suggested_series_number(second, database) == NUMBER_OF_IMAGES + 101


def test_identity_is_that_of_the_images(node, database):
    assert identity_of_images(node, database)["StudyInstanceUID"] == database.study_uid


def drawn_in_the_study(database):
    """A segmentation of no volume, in the study of the images."""
    import slicer

    node = scenes.a_segmentation_node(np.ones((2, 2, 2), np.uint8), {1: "one"})
    study = hierarchy().CreateStudyItem(hierarchy().GetSceneItemID(), "Study")
    hierarchy().SetItemUID(study, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), database.study_uid)
    hierarchy().SetItemParent(item_of(node), study)
    return node


def test_identity_of_images_that_are_found_through_their_study_is_that_of_the_study(database):
    identity = identity_of_images(drawn_in_the_study(database), database)
    assert identity["StudyInstanceUID"] == database.study_uid
    assert set(identity) == set(IDENTITY_TAGS)


def test_identity_in_which_the_series_of_a_study_differ_is_not_known(database, monkeypatch):
    files = {"1.2.3": ("other.dcm",), database.series_uid: tuple(database.file_of.values())}
    database.number_of_series["1.2.3"] = "5"
    read = database.fileValue
    monkeypatch.setattr(database, "filesForSeries", files.get)
    monkeypatch.setattr(
        database,
        "fileValue",
        lambda file, tag: (
            "another"
            if (file, tag) == ("other.dcm", IDENTITY_TAGS["StudyDescription"])
            else read(next(iter(database.file_of.values())), tag)
        ),
    )
    identity = identity_of_images(drawn_in_the_study(database), database)
    assert set(IDENTITY_TAGS) - set(identity) == {"StudyDescription"}


def test_identity_of_unknown_images_is_empty(node, database):
    refer_to(node, scenes.a_volume_node())
    assert identity_of_images(node, database) == {}
