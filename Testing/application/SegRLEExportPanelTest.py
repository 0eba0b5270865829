"""The module's panel, driven in a running Slicer."""

from __future__ import annotations

import unittest

import numpy as np
import qt
import slicer
import vtk
from segrle_scenes import SlicerTestCase, spin
from SegRLEExportDialogTest import large_scene

SETTLED_S = 0.8
"""The panel looks a moment after a change, and measures after that."""


class PanelTestCase(SlicerTestCase):
    def setUp(self):
        super().setUp()
        slicer.util.selectModule("SegRLEExport")
        self.panel = slicer.modules.segrleexport.widgetRepresentation().self().panel
        self.ui = self.panel.ui
        self.addCleanup(slicer.util.selectModule, "Segmentations")

    def show_sample(self):
        self.sample()
        self.panel.selectSegmentation(self.segmentation)
        spin(SETTLED_S)

    def cells(self, column: int) -> list[str]:
        table = self.ui.segmentsTable
        return [table.item(row, column).text() for row in range(table.rowCount)]

    def finding_ids(self) -> list[str]:
        return [finding.id for finding in self.panel.look.findings]

    def open_findings(self):
        for fold in self.ui.findingsFrame.findChildren(qt.QToolButton):
            if fold.arrowType == qt.Qt.RightArrow:
                fold.click()

    def press(self, text: str) -> None:
        """Press the button of that text among the findings."""
        self.open_findings()
        buttons = [button for button in self.ui.findingsFrame.findChildren(qt.QPushButton) if button.text == text]
        assert len(buttons) == 1, [button.text for button in self.ui.findingsFrame.findChildren(qt.QPushButton)]
        buttons[0].click()
        spin(SETTLED_S)


class ShowTest(PanelTestCase):
    def test_segments_images_and_sizes(self):
        self.show_sample()
        assert self.ui.referenceSelector.currentNode() is self.volume
        assert self.cells(0) == ["liver", "spleen", "lesion"]
        assert self.cells(1) == ["Liver", "Spleen", "Tissue"]
        assert self.cells(2) == ["82,059", "10,285", "1,037"]
        assert self.cells(3) == ["lesion", "", "liver"]
        assert "40 planes of 160 x 192" in self.ui.sourceLabel.text
        assert self.finding_ids() == ["overlap"]
        assert self.ui.exportButton.enabled
        bars = [bar for bar in slicer.util.findChildren(self.panel.widget, className="QProgressBar") if bar.visible]
        assert len(bars) == 3
        assert max(bar.value for bar in bars) == 1000
        assert min(bar.value for bar in bars) > 0
        assert "Suggested" in self.ui.suggestionLabel.text

    def test_segments_are_filtered_and_left_out_together(self):
        self.show_sample()
        self.ui.segmentsFilterLineEdit.text = "liv"
        table = self.ui.segmentsTable
        shown = [row for row in range(table.rowCount) if not table.isRowHidden(row)]
        assert [table.item(row, 0).text() for row in shown] == ["liver"]
        self.ui.noSegmentsButton.click()
        assert len(self.panel.parameters.leftOutSegmentIDs) == 1
        self.ui.allSegmentsButton.click()
        assert len(self.panel.parameters.leftOutSegmentIDs) == 0
        self.ui.segmentsFilterLineEdit.text = ""

    def test_a_volume_finds_its_segmentation(self):
        self.sample()
        self.panel.parameters.segmentation = None
        self.panel.parameters.referenceVolume = None
        spin(SETTLED_S)
        assert not self.ui.exportButton.enabled
        self.ui.referenceSelector.setCurrentNode(self.volume)
        spin(SETTLED_S)
        assert self.panel.parameters.segmentation is self.segmentation
        assert self.ui.exportButton.enabled

    def test_follows_edits_of_the_segmentation(self):
        self.show_sample()
        segmentation = self.segmentation.GetSegmentation()
        segmentation.GetNthSegment(0).SetName("hepar")
        segmentation.RemoveSegment(segmentation.GetNthSegmentID(2))
        spin(SETTLED_S)
        assert self.cells(0) == ["hepar", "spleen"]
        assert self.finding_ids() == []

    def test_a_wrong_field_is_found_before_export(self):
        self.show_sample()
        self.panel.parameters.seriesNumber = "one"
        spin(SETTLED_S)
        assert self.finding_ids() == ["invalid-option"]
        assert not self.ui.exportButton.enabled
        self.panel.parameters.seriesNumber = ""
        spin(SETTLED_S)
        assert self.ui.exportButton.enabled

    def test_closing_the_scene_empties_the_panel(self):
        self.show_sample()
        slicer.mrmlScene.Clear()
        spin(SETTLED_S)
        assert self.cells(0) == []
        assert not self.ui.exportButton.enabled

    def test_choices_survive_saving_and_loading_the_scene(self):
        self.show_sample()
        parameters = self.panel.parameters
        parameters.compression = "none"
        parameters.seriesDescription = "Second reading"
        parameters.leftOutSegmentIDs = [self.segmentation.GetSegmentation().GetNthSegmentID(2)]
        spin(SETTLED_S)
        scene = str(self.folder / "scene.mrb")
        assert slicer.util.saveScene(scene)
        slicer.mrmlScene.Clear()
        slicer.util.loadScene(scene)
        spin(SETTLED_S)
        self.panel.enter()
        spin(SETTLED_S)
        parameters = self.panel.parameters
        assert parameters.compression == "none"
        assert self.ui.seriesDescriptionLineEdit.text == "Second reading"
        assert self.cells(0) == ["liver", "spleen", "lesion"]
        assert self.ui.segmentsTable.item(2, 0).checkState() == qt.Qt.Unchecked
        assert self.finding_ids() == []
        self.ui.exportButton.click()
        assert self.panel.report.is_verified
        assert [segment.name for segment in self.panel.report.instances[0].segments] == ["liver", "spleen"]


class LeftTest(PanelTestCase):
    """A panel that was left follows no scene: nothing that is pressed in it changes or raises anything."""

    def setUp(self):
        super().setUp()
        self.show_sample()
        self.panel.exit()
        self.addCleanup(self.panel.enter)

    def test_its_widgets_cannot_be_used(self):
        assert not self.panel.widget.enabled
        self.panel.enter()
        assert self.panel.widget.enabled

    def test_a_choice_that_comes_late_is_dropped(self):
        self.ui.segmentsTable.item(2, 0).setCheckState(qt.Qt.Unchecked)
        self.ui.folderRadioButton.checked = True
        for button in slicer.util.findChildren(self.panel.widget, className="QAbstractButton"):
            button.clicked()
        spin(SETTLED_S)
        self.panel.enter()
        parameters = self.panel.parameters
        assert (parameters.leftOutSegmentIDs, parameters.compression, parameters.intoDatabase) == ([], "rle", True)


class ExportTest(PanelTestCase):
    def test_into_the_database(self):
        self.show_sample()
        self.ui.exportButton.click()
        spin(0.1)
        assert len(self.series_in_database()) == 2
        self.volume = self.panel.parameters.referenceVolume
        self.assert_read_back_by_dcmqi(self.panel.report.paths, self.segmentation)
        assert self.ui.reportLabel.text.startswith("2 files, ")
        assert "read back and compared voxel by voxel" in self.ui.reportLabel.text
        assert "read back right by" in self.ui.reportDetails.plainText

    def test_each_encoding_to_a_folder(self):
        self.show_sample()
        self.ui.expertsCheckBox.checked = True
        self.addCleanup(self.ui.expertsCheckBox.setChecked, False)
        from SegRLEExportLib.encoding.plan import PLANS

        radio_buttons = slicer.util.findChildren(self.panel.widget, className="QRadioButton")
        for plan in PLANS.values():
            folder = self.folder / plan.id
            folder.mkdir()
            (button,) = [one for one in radio_buttons if plan.advice in one.toolTip]
            button.click()
            self.ui.folderPathLineEdit.currentPath = str(folder)
            spin(SETTLED_S)
            self.ui.exportButton.click()
            assert self.panel.report.plan is plan
            assert {path.parent for path in self.panel.report.paths} == {folder}

    def test_segments_without_check_mark_are_left_out(self):
        self.show_sample()
        self.ui.segmentsTable.item(2, 0).setCheckState(qt.Qt.Unchecked)
        spin(SETTLED_S)
        assert self.finding_ids() == []
        self.ui.exportButton.click()
        (instance,) = self.panel.report.instances
        assert [segment.name for segment in instance.segments] == ["liver", "spleen"]

    def test_the_window_lives_during_100_segments_on_300_slices(self):
        _, segmentation = large_scene(self.folder, slices=300, segments=100, side=200)
        self.panel.selectSegmentation(segmentation)
        self.panel.parameters.compression = "none"
        spin(SETTLED_S)
        ticks = []
        timer = qt.QTimer()
        timer.connect("timeout()", lambda: ticks.append(1))
        timer.start(50)
        self.ui.exportButton.click()
        timer.stop()
        seconds = self.panel.report.seconds
        print(f"100 segments on 300 slices of 200 x 200: {seconds:.2f} s, {len(ticks)} timer ticks", flush=True)
        assert len(self.panel.report.instances[0].segments) == 100
        assert len(ticks) >= 4 * seconds

    def test_cancel_in_the_progress_dialog_leaves_nothing(self):
        _, segmentation = large_scene(self.folder, slices=300, segments=100, side=200)
        self.panel.selectSegmentation(segmentation)
        self.panel.parameters.compression = "none"
        spin(SETTLED_S)
        seen = []

        def cancel():
            for window in slicer.app.topLevelWidgets():
                if window.visible and window.inherits("QProgressDialog"):
                    seen.append(window.labelText)
                    window.cancel()

        timer = qt.QTimer()
        timer.connect("timeout()", cancel)
        timer.start(100)
        self.ui.exportButton.click()
        timer.stop()
        assert seen
        assert self.panel.report is None
        assert self.series_in_database() == []
        assert "cancelled" in self.ui.reportDetails.plainText


class FixTest(PanelTestCase):
    def test_an_overlap_by_one_deflated_file(self):
        self.show_sample()
        self.press("Use one deflated file")
        assert self.panel.parameters.compression == "deflate"
        assert "overlap" not in self.finding_ids(), self.finding_ids()

    def test_voxels_beyond_the_images_by_leaving_them_out(self):
        self.show_sample()
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        matrix = vtk.vtkMatrix4x4()
        matrix.SetElement(0, 3, 120.0)
        transform.SetMatrixTransformToParent(matrix)
        self.segmentation.SetAndObserveTransformNodeID(transform.GetID())
        spin(SETTLED_S)
        assert "outside-source" in self.finding_ids()
        assert not self.ui.exportButton.enabled
        self.open_findings()
        first = next(iter(self.ui.findingsFrame.findChildren(qt.QPushButton)))
        assert first.text == "Leave them out"
        first.click()
        spin(SETTLED_S)
        assert self.panel.parameters.clip
        assert self.ui.exportButton.enabled

    def test_a_bending_transform_by_a_hardened_copy(self):
        from SegRLEExportDialogTest import bend

        self.show_sample()
        bent = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bent")
        bend(bent)
        self.segmentation.SetAndObserveTransformNodeID(bent.GetID())
        spin(SETTLED_S)
        assert self.finding_ids() == ["NonLinearTransformError"]
        self.press("Harden a copy")
        copy = self.panel.parameters.segmentation
        assert copy is not self.segmentation
        assert copy.GetParentTransformNode() is None
        assert self.segmentation.GetParentTransformNode() is bent
        assert self.ui.exportButton.enabled

    def test_a_volume_that_is_not_from_dicom_by_making_images(self):
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "From NIfTI")
        slicer.util.updateVolumeFromArray(volume, np.arange(6 * 16 * 20, dtype=np.int16).reshape(6, 16, 20))
        volume.SetSpacing(1.5, 1.5, 4.0)
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Blocks")
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        block = segmentation.GetSegmentation().AddEmptySegment("", "block")
        mask = np.zeros((6, 16, 20), dtype=np.uint8)
        mask[1:3, 2:9, 5:12] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, block, volume)
        self.panel.selectSegmentation(segmentation)
        spin(SETTLED_S)
        assert self.finding_ids() == ["NoReferenceError"]
        self.press("Make DICOM images")
        assert self.panel.parameters.referenceVolume is not volume
        assert self.finding_ids() == []
        self.ui.exportButton.click()
        self.volume = volume
        assert self.panel.report.is_verified
        self.assert_read_back_by_dcmqi(self.panel.report.paths, segmentation)

    def test_a_meaning_is_chosen_in_slicers_selector(self):
        self.show_sample()
        seen = []

        def accept():
            dialog = slicer.app.activeModalWidget()
            if dialog is not None and dialog.inherits("QDialog"):
                seen.append(dialog.windowTitle)
                dialog.accept()

        qt.QTimer.singleShot(500, accept)
        self.panel.chooseMeaning(self.segmentation.GetSegmentation().GetNthSegmentID(0))
        assert seen == ["Meaning of liver"]
        assert self.cells(1)[0] == "Liver"


if __name__ == "__main__":
    unittest.main()
