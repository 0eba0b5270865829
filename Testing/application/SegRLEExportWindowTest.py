"""What windows show and how they live on: boxes of a screen's height, 1024 x 700, Reload, a scene closed meanwhile."""

from __future__ import annotations

import contextlib
import unittest
import unittest.mock

import numpy as np
import qt
import slicer
from segrle_scenes import DialogUser, SlicerTestCase, item_of, spin
from SegRLEExportDialogTest import large_scene
from SegRLEExportPanelTest import SETTLED_S, PanelTestCase

SMALL_SCREEN = (1024, 700)


class DialogSentencesTest(SlicerTestCase):
    def test_a_box_for_100_segments_that_overlap_is_no_higher_than_the_screen(self):
        (text, height) = self.warn_of_crowded_scene()
        print(f"box for 100 overlapping segments: {height} pixels\n{text}", flush=True)
        assert height < SMALL_SCREEN[1]
        assert text.count("\n\n") <= 7

    def test_the_box_names_nothing_that_only_a_shell_or_the_panel_has(self):
        (text, _) = self.warn_of_crowded_scene()
        assert "--" not in text
        assert "Press '" not in text

    def warn_of_crowded_scene(self):
        """Export the crowded scene with the RLE row; return text and height of the one box that tells what to note."""
        _, segmentation = crowded_scene(self.folder)
        with boxes_as_for_users() as seen:
            user = DialogUser(item_of(segmentation)).choose_row("SegRLEExport").choose_folder(self.folder)
            assert user.press_export().run().message == ""
        (box,) = seen
        return box

    def test_a_long_message_is_no_wider_than_the_screen(self):
        volume, segmentation = self.sample()
        volume.SetAttribute("DICOM.instanceUIDs", volume.GetAttribute("DICOM.instanceUIDs") + " 1.2.3.4")
        widths = []
        user = DialogUser(item_of(segmentation)).choose_row("SegRLEExport").choose_folder(self.folder)
        user.press_export().look(lambda window: widths.append(window.width)).run()
        assert "1 of the 41 images that were segmented are not in Slicer's DICOM database" in user.message
        assert widths[0] <= SMALL_SCREEN[0]


class SmallScreenTest(PanelTestCase):
    def setUp(self):
        super().setUp()
        self.window = slicer.util.mainWindow()
        size = self.window.size
        self.addCleanup(self.window.resize, size)
        self.window.showNormal()
        self.window.resize(*SMALL_SCREEN)
        spin(0.3)

    def test_what_where_and_export_are_in_sight_for_ten_segments(self):
        _, segmentation = large_scene(self.folder, slices=10, segments=10, side=60)
        self.panel.selectSegmentation(segmentation)
        self.panel.measure()
        spin(SETTLED_S)
        assert (self.window.width, self.window.height) == SMALL_SCREEN
        for name in ("segmentationSelector", "databaseRadioButton", "folderRadioButton", "exportButton"):
            widget = getattr(self.ui, name)
            assert is_wholly_seen(widget), name

    def test_100_segments_do_not_push_export_out_of_sight(self):
        _, segmentation = large_scene(self.folder, slices=10, segments=100, side=60)
        self.panel.selectSegmentation(segmentation)
        self.panel.measure()
        spin(SETTLED_S)
        assert self.ui.segmentsTable.rowCount == 100
        assert is_wholly_seen(self.ui.exportButton)

    def test_a_filter_finds_one_of_100_segments_and_leaves_the_others_out(self):
        _, segmentation = large_scene(self.folder, slices=10, segments=100, side=60)
        segmentation.GetSegmentation().GetNthSegment(41).SetName("answer")
        self.panel.selectSegmentation(segmentation)
        spin(SETTLED_S)
        table = self.ui.segmentsTable
        self.ui.noSegmentsButton.click()
        self.ui.segmentsFilterLineEdit.text = "answer"
        self.addCleanup(lambda: setattr(self.ui.segmentsFilterLineEdit, "text", ""))
        assert [row for row in range(table.rowCount) if not table.isRowHidden(row)] == [41]
        self.ui.allSegmentsButton.click()
        spin(SETTLED_S)
        assert [row for row in range(table.rowCount) if not table.isRowHidden(row)] == [41]
        assert len(self.panel.parameters.leftOutSegmentIDs) == 99
        self.ui.exportButton.click()
        (instance,) = self.panel.report.instances
        assert [segment.name for segment in instance.segments] == ["answer"]


class MeaningsTest(PanelTestCase):
    def test_names_of_known_structures_get_their_codes_at_one_press_and_back(self):
        self.sample()
        segmentation = self.segmentation.GetSegmentation()
        segment = segmentation.GetNthSegment(2)
        segment.SetName("kidney_left")
        segment.RemoveTag(segment.GetTerminologyEntryTagName())
        self.panel.selectSegmentation(self.segmentation)
        spin(SETTLED_S)
        assert self.cells(1)[2] == "not coded: will be Tissue"
        self.ui.meaningFromNamesButton.click()
        spin(SETTLED_S)
        assert "idney" in self.cells(1)[2]
        self.ui.undoMeaningsButton.click()
        spin(SETTLED_S)
        assert self.cells(1)[2] == "not coded: will be Tissue"


class ReloadTest(PanelTestCase):
    def test_after_a_reload_panel_dialog_and_console_work(self):
        slicer.modules.segrleexport.widgetRepresentation().self().onReload()
        spin(SETTLED_S)
        self.panel = slicer.modules.segrleexport.widgetRepresentation().self().panel
        self.ui = self.panel.ui
        self.panel.enter()
        self.show_sample()
        self.ui.exportButton.click()
        assert self.panel.report.is_verified
        folder = self.folder / "dialog"
        folder.mkdir()
        user = DialogUser(item_of(self.segmentation)).choose_row("SegRLEExportDeflated").choose_folder(folder)
        assert user.press_export().run().message == ""
        (path,) = folder.iterdir()
        node = slicer.util.getModuleLogic("SegRLEExport").loadSegmentation(path)
        assert node.GetSegmentation().GetNumberOfSegments() == 3

    def test_after_a_reload_errors_are_still_told_in_the_dialog(self):
        slicer.modules.segrleexport.widgetRepresentation().self().onReload()
        self.panel = slicer.modules.segrleexport.widgetRepresentation().self().panel
        _, segmentation = self.sample()
        user = DialogUser(item_of(segmentation)).choose_row("SegRLEExport").choose_folder(self.folder)
        user.edit("ContentLabel", "liver!").press_export().run()
        assert "ContentLabel: 'liver!' is not a code string" in user.message


class SceneClosedMeanwhileTest(PanelTestCase):
    def test_during_an_export(self):
        self.close_during(lambda: self.ui.exportButton.click())
        assert self.panel.report is None or self.panel.report.is_verified

    def test_while_sizes_are_measured(self):
        self.close_during(self.panel.measure)

    def close_during(self, work):
        """Close the scene as soon as the work lets the window live; afterwards everything works again."""
        _, segmentation = large_scene(self.folder, slices=100, segments=60, side=200)
        self.panel.selectSegmentation(segmentation)
        self.panel.parameters.compression = "none"
        spin(SETTLED_S)
        closed = []
        timer = qt.QTimer()
        timer.setSingleShot(True)
        timer.connect("timeout()", lambda: closed.append(slicer.mrmlScene.Clear()))
        timer.start(1)
        work()
        timer.stop()
        assert closed, "the work was over before the scene could be closed"
        spin(SETTLED_S)
        assert self.cells(0) == []
        assert not self.ui.exportButton.enabled
        self.show_sample()
        self.panel.parameters.compression = "rle"
        spin(SETTLED_S)
        self.ui.exportButton.click()
        assert self.panel.report.is_verified


@contextlib.contextmanager
def boxes_as_for_users():
    """Show for a moment the warnings that Slicer holds back while it runs tests; yield (text, height) of each."""
    seen = []

    def show(text, **named):
        box = qt.QMessageBox(slicer.util.mainWindow())
        box.text = text
        box.setDetailedText(named["detailedText"])
        box.show()
        spin(0.2)
        seen.append((text, box.height))
        box.close()

    with unittest.mock.patch.object(slicer.util, "warningDisplay", show):
        yield seen


def is_wholly_seen(widget) -> bool:
    """Tell whether no pixel of a widget is scrolled or cut away."""
    return widget.visible and widget.visibleRegion().boundingRect() == widget.rect


def crowded_scene(folder):
    """Return the large scene with a segment more that overlaps all hundred, all of them with long names."""
    volume, segmentation = large_scene(folder, slices=10, segments=100, side=60)
    for number in range(100):
        segment = segmentation.GetSegmentation().GetNthSegment(number)
        segment.SetName(f"segment {number} with a name that says more than anybody would like to read in a message box")
    everything = np.ones(slicer.util.arrayFromVolume(volume).shape, dtype=np.uint8)
    segment_id = segmentation.GetSegmentation().AddEmptySegment("", "everything")
    slicer.util.updateSegmentBinaryLabelmapFromArray(everything, segmentation, segment_id, volume)
    return volume, segmentation


if __name__ == "__main__":
    unittest.main()
