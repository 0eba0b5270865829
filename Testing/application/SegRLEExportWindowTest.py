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
    """The main window as it first opens, with the data probe below the panel, on a small screen."""

    def setUp(self):
        super().setUp()
        self.window = slicer.util.mainWindow()
        self.addCleanup(self.window.resize, self.window.size)
        probe = slicer.util.findChild(self.window, "DataProbeCollapsibleWidget")
        self.addCleanup(setattr, probe, "collapsed", probe.collapsed)
        probe.collapsed = False
        self.window.showNormal()
        spin(SETTLED_S)
        self.window.resize(*SMALL_SCREEN)

    def test_all_of_an_export_of_ten_segments_is_in_sight(self):
        _, segmentation = large_scene(self.folder, slices=10, segments=10, side=60)
        self.assert_all_is_in_sight(segmentation)

    def test_100_segments_do_not_push_export_out_of_sight(self):
        _, segmentation = large_scene(self.folder, slices=10, segments=100, side=60)
        self.assert_all_is_in_sight(segmentation)
        assert self.ui.segmentsTable.rowCount == 100

    def test_findings_do_not_push_export_out_of_sight(self):
        _, segmentation = crowded_scene(self.folder)
        self.assert_all_is_in_sight(segmentation)
        assert "overlap" in self.finding_ids()
        assert self.ui.segmentsTable.rowCount == 101

    def assert_all_is_in_sight(self, segmentation) -> None:
        self.panel.selectSegmentation(segmentation)
        spin(SETTLED_S)
        self.panel.measure()
        spin(SETTLED_S)
        ui = self.ui
        assert self.window.height == SMALL_SCREEN[1]
        least_width = self.window.minimumSizeHint.width()  # of Slicer's own toolbars and views
        assert self.window.width == max(SMALL_SCREEN[0], least_width)
        shown = [ui.segmentationSelector, ui.referenceSelector, ui.sourceLabel, ui.encodingSection, ui.readersLabel]
        where_to = [ui.databaseRadioButton, ui.folderRadioButton, ui.folderPathLineEdit]
        for widget in [*shown, *where_to, ui.exportButton]:
            assert is_wholly_seen(widget), widget.objectName
        assert "Suggested" in ui.suggestionLabel.text


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


class SceneClosedMeanwhileTest(PanelTestCase):
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


def is_wholly_seen(widget) -> bool:
    """Tell whether no pixel of a widget is scrolled or cut away."""
    return widget.visible and widget.visibleRegion().boundingRect() == widget.rect


if __name__ == "__main__":
    unittest.main()
