"""Slicer's DICOM export dialog with our rows, in a running Slicer."""

from __future__ import annotations

import time
import unittest
from pathlib import Path

import numpy as np
import qt
import slicer
import vtk
from DICOMLib import DICOMUtils
from segrle_scenes import PLANS_OF_DIALOG, DialogUser, SlicerTestCase, hierarchy, item_of

LIMIT_MS = 50


class RowsTest(SlicerTestCase):
    def test_three_rows_below_slicers_own_first_what_keeps_overlapping_segments_together(self):
        _, segmentation = self.sample()
        rows = offers(segmentation)
        assert {row.pluginClass for row in rows} == set(PLANS_OF_DIALOG)
        best = max(rows, key=lambda row: row.confidence)
        assert best.pluginClass == "SegRLEExportDeflated"
        assert best.confidence < 1.0
        (rle,) = [row for row in rows if row.pluginClass == "SegRLEExport"]
        assert "2 files" in rle.name
        segmentation.GetSegmentation().RemoveSegment(segmentation.GetSegmentation().GetNthSegmentID(2))
        assert max(offers(segmentation), key=lambda row: row.confidence).pluginClass == "SegRLEExport"
        assert all("Opens in" in row.tooltip for row in rows)

    def test_a_volume_gets_no_row(self):
        volume, _ = self.sample()
        assert offers(volume) == []

    def test_fields_have_defaults(self):
        _, segmentation = self.sample()
        row = offers(segmentation)[0]
        assert row.tag("SeriesDescription") == "Abdomen segmentation"
        assert row.tag("SeriesNumber") == "101"
        assert row.tag("ContentLabel") == "SEGMENTATION"

    def test_nothing_is_offered_for_import(self):
        for key in PLANS_OF_DIALOG:
            assert slicer.modules.dicomPlugins[key]().examineForImport([["a.dcm"]]) == []

    def test_loading_is_offered_below_slicers_own_and_above_it_for_several_files(self):
        _, segmentation = self.sample()
        before = set(self.series_in_database())
        DialogUser(item_of(segmentation)).choose_row("SegRLEExport").choose_folder(None).press_export().run()
        new = sorted(set(self.series_in_database()) - before)
        lists = [self.database.filesForSeries(series) for series in new]
        plugin = slicer.modules.dicomPlugins["SegRLEExportLoader"]()
        loadables = plugin.examineForImport(lists)
        assert [loadable.selected for loadable in loadables] == [True, True]
        assert all(plugin.load(loadable) for loadable in loadables)
        loaded = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[-1]
        assert loaded is not segmentation
        assert loaded.GetSegmentation().GetNumberOfSegments() == segmentation.GetSegmentation().GetNumberOfSegments()
        (one,) = plugin.examineForImport(lists[:1])
        assert one.confidence < 0.95

    def test_what_cannot_work_is_one_row_with_the_reason(self):
        volume, segmentation = self.sample()
        bent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bent")
        bend(bent)
        segmentation.SetAndObserveTransformNodeID(bent.GetID())
        self.assert_obstacle(segmentation, "non-linear transform 'bent'")
        segmentation.SetAndObserveTransformNodeID(None)

        uids = volume.GetAttribute("DICOM.instanceUIDs")
        volume.SetAttribute("DICOM.instanceUIDs", uids + " 1.2.3.4")
        self.assert_obstacle(segmentation, "1 of the 41 images that were segmented are not in Slicer's DICOM database")
        volume.SetAttribute("DICOM.instanceUIDs", uids)

        segmentation.GetSegmentation().RemoveAllSegments()
        self.assert_obstacle(segmentation, "has no segment")

    def assert_obstacle(self, segmentation, reason):
        (row,) = offers(segmentation)
        assert reason in row.tooltip
        assert "not possible" in row.name
        assert row.confidence < 0.1

    def test_examination_is_quick_once_100_segments_on_600_slices_are_measured(self):
        volume, segmentation = large_scene(self.folder, slices=600, segments=100, side=48)
        assert len(volume.GetAttribute("DICOM.instanceUIDs").split()) == 600
        offers(segmentation)
        for key in PLANS_OF_DIALOG:
            plugin = slicer.modules.dicomPlugins[key]()
            started = time.perf_counter()
            (row,) = plugin.examineForExport(item_of(segmentation))
            elapsed_ms = 1000 * (time.perf_counter() - started)
            print(f"examineForExport of {key}: {elapsed_ms:.1f} ms", flush=True)
            assert "not possible" not in row.name
            assert elapsed_ms < LIMIT_MS


class ExportTest(SlicerTestCase):
    def test_each_row_to_a_folder_is_read_back_right(self):
        _, segmentation = self.sample()
        for key, plan_id in PLANS_OF_DIALOG.items():
            folder = self.folder / plan_id
            folder.mkdir()
            user = DialogUser(item_of(segmentation)).choose_row(key).choose_folder(folder).press_export().run()
            assert user.message == ""
            assert any("successfully exported" in text for text in user.boxes), user.boxes
            files = list(folder.iterdir())
            assert len(files) == (2 if plan_id == "rle" else 1)
            self.assert_read_back_by_dcmqi(files, segmentation)

    def test_each_row_into_the_database_is_read_back_right(self):
        _, segmentation = self.sample()
        for key, plan_id in PLANS_OF_DIALOG.items():
            before = set(self.series_in_database())
            user = DialogUser(item_of(segmentation)).choose_row(key).choose_folder(None).press_export().run()
            assert user.message == ""
            new = set(self.series_in_database()) - before
            assert len(new) == (2 if plan_id == "rle" else 1)
            assert {self.database.studyForSeries(series) for series in new} == {self.study_uid()}
            files = [file for series in new for file in self.database.filesForSeries(series)]
            self.assert_read_back_by_dcmqi(files, segmentation)

    def test_a_second_export_leaves_the_first_and_takes_the_next_number(self):
        _, segmentation = self.sample()
        for _ in range(2):
            user = DialogUser(item_of(segmentation)).choose_row("SegRLEExportDeflated").choose_folder(None)
            assert user.edit("ContentLabel", "AGAIN").press_export().run().message == ""
            for name in hierarchy().GetItemAttributeNames(item_of(segmentation)):
                hierarchy().RemoveItemAttribute(item_of(segmentation), name)
        numbers = [self.database.fieldForSeries("SeriesNumber", series) for series in self.series_in_database()]
        assert sorted(numbers) == ["101", "102"]

    def test_all_segmentations_of_a_study_at_once(self):
        volume, first = self.sample()
        second = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Second")
        second.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        second.GetSegmentation().CopySegmentFromSegmentation(
            first.GetSegmentation(), first.GetSegmentation().GetNthSegmentID(0)
        )
        study = hierarchy().GetItemParent(item_of(first))
        hierarchy().SetItemParent(item_of(second), study)
        user = DialogUser(study).choose_row("SegRLEExportDeflated").choose_folder(None).press_export().run()
        assert user.message == ""
        found = {
            self.database.fieldForSeries("SeriesDescription", series): self.database.fieldForSeries(
                "SeriesNumber", series
            )
            for series in self.series_in_database()
        }
        assert found == {"Abdomen segmentation": "101", "Second": "102"}

    def test_edits_are_written(self):
        import pydicom

        _, segmentation = self.sample()
        user = DialogUser(item_of(segmentation)).choose_row("SegRLEExportDeflated").choose_folder(self.folder)
        for keyword, text in (("SeriesDescription", "Leber Größe"), ("SeriesNumber", "77"), ("ContentLabel", "LIVER")):
            user.edit(keyword, text)
        assert user.press_export().run().message == ""
        (path,) = self.folder.glob("SEG_*.dcm")
        dataset = pydicom.dcmread(path)
        assert dataset.SeriesDescription == "Leber Größe"
        assert dataset.SeriesNumber == 77
        assert dataset.ContentLabel == "LIVER"

    def test_wrong_edits_are_refused_in_the_message_line(self):
        _, segmentation = self.sample()
        for keyword, text, message in (
            ("SeriesNumber", "x", "SeriesNumber: 'x' is not a whole number."),
            ("ContentLabel", "liver!", "ContentLabel: 'liver!' is not a code string"),
            ("PatientID", "4711", "PatientID: '4711' is not what the images have, which is 'SEGRLE-SAMPLE'."),
        ):
            user = DialogUser(item_of(segmentation)).choose_row("SegRLEExport").choose_folder(self.folder)
            user.edit(keyword, text).press_export().run()
            assert message in user.message
            assert list(self.folder.glob("*.dcm")) == []
            assert user.boxes == []
            slicer.mrmlScene.Clear()
            _, segmentation = self.sample()

    def test_pressing_export_on_what_cannot_work_says_why(self):
        volume, segmentation = self.sample()
        volume.RemoveAttribute("DICOM.instanceUIDs")
        hierarchy().SetItemParent(item_of(segmentation), hierarchy().GetSceneItemID())
        user = DialogUser(item_of(segmentation)).choose_row("SegRLEExport").choose_folder(self.folder)
        user.press_export().run()
        assert "It is not known on which DICOM images 'Abdomen segmentation' was drawn." in user.message

    def study_uid(self) -> str:
        (series,) = self.series_in_database("CT")
        return self.database.studyForSeries(series)


def offers(node):
    rows = [slicer.modules.dicomPlugins[key]().examineForExport(item_of(node)) for key in PLANS_OF_DIALOG]
    return [exportable for row in rows for exportable in row]


def bend(transform_node) -> None:
    grid = vtk.vtkImageData()
    grid.SetDimensions(4, 4, 4)
    grid.AllocateScalars(vtk.VTK_DOUBLE, 3)
    grid.GetPointData().GetScalars().Fill(0.0)
    transform = vtk.vtkBSplineTransform()
    transform.SetCoefficientData(grid)
    transform_node.SetAndObserveTransformFromParent(transform)


def large_scene(folder: Path, *, slices: int, segments: int, side: int):
    """Return a volume of so many DICOM slices, loaded from the database, and its segmentation of boxes."""
    from SegRLEExportLib.model.geometry import Geometry
    from SegRLEExportLib.writing.image_series import write_image_series

    images = folder / "images"
    images.mkdir()
    voxels = np.zeros((slices, side, side), dtype=np.int16)
    to_lps = np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1.0]])
    series = write_image_series(voxels, Geometry(voxels.shape, to_lps), images, modality="CT", patient_id="LARGE")
    DICOMUtils.importDicom(str(images))
    (volume_id,) = DICOMUtils.loadSeriesByUID([series.series_instance_uid])
    volume = slicer.mrmlScene.GetNodeByID(volume_id)
    labels = np.zeros(voxels.shape, dtype=np.uint8)
    for label in range(1, segments + 1):
        row, column = divmod(label - 1, 10)
        labels[:, row * side // 10 : (row + 1) * side // 10, column * side // 10 : (column + 1) * side // 10] = label
    label_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    slicer.util.updateVolumeFromArray(label_node, labels)
    ijk_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    label_node.SetIJKToRASMatrix(ijk_to_ras)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Boxes")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(label_node, segmentation)
    slicer.mrmlScene.RemoveNode(label_node)
    hierarchy().SetItemParent(item_of(segmentation), hierarchy().GetItemParent(item_of(volume)))
    qt.QApplication.processEvents()
    return volume, segmentation


if __name__ == "__main__":
    unittest.main()
