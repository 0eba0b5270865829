"""The module's logic, its sample, its settings and its menu entry, in a running Slicer."""

from __future__ import annotations

import inspect
import textwrap
import unittest

import qt
import slicer
from segrle_scenes import SlicerTestCase, hierarchy, item_of


class LogicTest(SlicerTestCase):
    def setUp(self):
        super().setUp()
        self.logic = slicer.util.getModuleLogic("SegRLEExport")

    def test_the_recipe_of_the_docstring_works(self):
        _, segmentation = self.sample()
        segmentation.SetName("Segmentation")
        recipe = textwrap.dedent(inspect.getdoc(self.logic.exportSegmentation).split("\n\n")[1])
        names = {"slicer": slicer}
        exec(recipe.replace("/tmp/seg.dcm", str(self.folder / "seg")), names)
        assert names["report"].is_verified
        self.assert_read_back_by_dcmqi(names["report"].paths, segmentation)

    def test_every_encoding_is_verified(self):
        from SegRLEExportLib.slicer_side.self_test import run_self_test

        run_self_test(self.logic)

    def test_the_scene_is_not_changed(self):
        self.sample()
        before = [(node.GetID(), node.GetMTime()) for node in slicer.util.getNodes("*", useLists=False).values()]
        self.logic.exportSegmentation(self.segmentation, self.folder / "seg")
        after = [(node.GetID(), node.GetMTime()) for node in slicer.util.getNodes("*", useLists=False).values()]
        assert after == before

    def test_chosen_segments_alone(self):
        self.sample()
        first = self.segmentation.GetSegmentation().GetNthSegmentID(1)
        report = self.logic.exportSegmentation(self.segmentation, self.folder / "one.dcm", segmentIDs=[first])
        (instance,) = report.instances
        assert [segment.name for segment in instance.segments] == ["spleen"]

    def test_cancel_leaves_nothing(self):
        from SegRLEExportLib.errors import CancelledError

        self.sample()
        folder = self.folder / "cancelled"
        folder.mkdir()
        with self.assertRaises(CancelledError):  # noqa: PT027 (Slicer has no pytest)
            self.logic.exportSegmentation(self.segmentation, folder, progress=lambda fraction, _text: fraction < 0.3)
        assert list(folder.iterdir()) == []


class SampleTest(SlicerTestCase):
    def test_the_sample_data_module_offers_it(self):
        names = [source.sampleName for source in slicer.modules.sampleDataSources["SegRLEExport"]]
        assert names == ["CT with DICOM segmentation"]

    def test_a_click_on_it_loads_volume_and_segmentation(self):
        (source,) = slicer.modules.sampleDataSources["SegRLEExport"]
        source.customDownloader(source)
        assert slicer.util.getNode("Abdomen segmentation").GetSegmentation().GetNumberOfSegments() == 3
        assert len(self.series_in_database("CT")) == 1


class SettingsTest(SlicerTestCase):
    KEYS = ("Encoding", "CreatorName", "Verify", "KeepEmptyFrames")

    def setUp(self):
        super().setUp()
        from SegRLEExportLib.slicer_side import settings

        self.settings = settings
        for name in (settings.PREFIX + key for key in self.KEYS):
            if qt.QSettings().contains(name):
                self.addCleanup(qt.QSettings().setValue, name, qt.QSettings().value(name))
            else:
                self.addCleanup(qt.QSettings().remove, name)
            qt.QSettings().remove(name)

    def test_have_defaults(self):
        assert self.settings.default_encoding() == "rle"
        assert self.settings.is_verified()
        assert not self.settings.keeps_empty_frames()

    def test_reach_options_and_dialog(self):
        from SegRLEExportLib.options import Verify

        for key, value in zip(self.KEYS, ("deflate", "Doe^Jane", 0, 1)):
            qt.QSettings().setValue(self.settings.PREFIX + key, value)
        options = self.settings.preferred_options()
        assert options.content_creator_name == "Doe^Jane"
        assert options.verify is Verify.OFF
        assert options.keep_empty_frames
        _, segmentation = self.sample()
        rows = [
            slicer.modules.dicomPlugins[key]().examineForExport(item_of(segmentation))[0]
            for key in ("SegRLEExport", "SegRLEExportDeflated")
        ]
        assert rows[1].confidence > rows[0].confidence
        assert rows[0].tag("ContentCreatorName") == "Doe^Jane"

    def test_stand_on_the_dicom_page_of_the_application_settings(self):
        titles = [
            box.title
            for box in slicer.util.findChildren(slicer.app.settingsDialog(), className="ctkCollapsibleGroupBox")
        ]
        assert titles.count("SegRLEExport") == 1


class ContextMenuTest(SlicerTestCase):
    def test_opens_the_module_with_the_segmentation(self):
        self.sample()
        plugin = slicer.qSlicerSubjectHierarchyPluginHandler.instance().pluginByName("SegRLEExport")
        assert plugin is not None
        (action,) = plugin.itemContextMenuActions()
        plugin.showContextMenuActionsForItem(item_of(self.volume))
        assert not action.visible
        plugin.showContextMenuActionsForItem(item_of(self.segmentation))
        assert action.visible
        slicer.qSlicerSubjectHierarchyPluginHandler.instance().setCurrentItem(item_of(self.segmentation))
        action.trigger()
        assert slicer.util.selectedModule() == "SegRLEExport"
        panel = slicer.modules.segrleexport.widgetRepresentation().self().panel
        assert panel.parameters.segmentation is self.segmentation

    def test_owns_nothing(self):
        self.sample()
        assert hierarchy().GetItemOwnerPluginName(item_of(self.segmentation)) == "Segmentations"


if __name__ == "__main__":
    unittest.main()
