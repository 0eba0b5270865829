"""Loading SEG through Slicer's DICOM module and from the console, in a running Slicer."""

from __future__ import annotations

import inspect
import json
import textwrap
import time
import unittest
from pathlib import Path

import numpy as np
import slicer
import vtk
from DICOMLib import DICOMUtils
from segrle_scenes import SlicerTestCase, hierarchy, item_of
from SegRLEExportDialogTest import large_scene

LOADER = "SegRLEExportLoader"
SLICERS = "DICOMSegmentationPlugin"


class LoadingTestCase(SlicerTestCase):
    def setUp(self):
        super().setUp()
        self.logic = slicer.util.getModuleLogic("SegRLEExport")

    def into_database(self, node, compression: str) -> list[str]:
        """Export the node into the database; return the Series Instance UIDs."""
        before = set(self.series_in_database())
        folder = self.folder / compression
        folder.mkdir(exist_ok=True)
        self.logic.exportSegmentation(node, folder, compression)
        DICOMUtils.importDicom(str(folder))
        return sorted(set(self.series_in_database()) - before)

    def offers(self, series: list[str], key: str = LOADER):
        """Return the plugin of that name, and what it offers for those series."""
        plugin = slicer.modules.dicomPlugins[key]()
        return plugin, plugin.examineForImport([self.database.filesForSeries(one) for one in series])

    def load(self, series: list[str], key: str = LOADER):
        """Load all that a plugin offers for those series; return the new segmentation nodes."""
        before = segmentation_nodes()
        plugin, loadables = self.offers(series, key)
        assert loadables
        for loadable in loadables:
            assert plugin.load(loadable), loadable.name
        return [node for node in segmentation_nodes() if node not in before]

    def assert_same(self, found, expected, *, names=None, with_codes: bool = True):
        """Compare the segments of two nodes: order, names, colours, codes, and voxels on the volume of the sample."""
        found_segments, expected_segments = segments_of(found), segments_of(expected)
        expected_segments = [one for one in expected_segments if names is None or one[1].GetName() in names]
        assert [one.GetName() for _, one in found_segments] == [one.GetName() for _, one in expected_segments]
        for (found_id, one), (expected_id, other) in zip(found_segments, expected_segments):
            name = other.GetName()
            assert np.allclose(one.GetColor(), other.GetColor(), atol=0.006), name
            if with_codes:
                assert meaning_of(one) == (meaning_of(other) or "Tissue"), name
            masks = [
                slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, self.volume) != 0
                for node, segment_id in ((found, found_id), (expected, expected_id))
            ]
            assert masks[1].any(), name
            assert np.array_equal(*masks), name


class LoadTest(LoadingTestCase):
    def test_each_encoding_becomes_one_node_with_the_same_segments(self):
        from SegRLEExportLib.encoding.plan import PLANS

        _, segmentation = self.sample()
        for plan_id in PLANS:
            with self.subTest(plan_id):
                (node,) = self.load(self.into_database(segmentation, plan_id))
                self.assert_same(node, segmentation)
                assert reference_of(node) is self.volume
                assert hierarchy().GetItemParent(item_of(node)) == hierarchy().GetItemParent(item_of(segmentation))

    def test_two_files_of_one_export_become_one_node_as_slicer_loads_what_is_selected(self):
        _, segmentation = self.sample()
        series = self.into_database(segmentation, "rle")
        assert len(series) == 2
        before = segmentation_nodes()
        DICOMUtils.loadSeriesByUID(series)
        (node,) = [one for one in segmentation_nodes() if one not in before]
        self.assert_same(node, segmentation)

    def test_one_of_two_files_is_loaded_alone(self):
        _, segmentation = self.sample()
        series = self.into_database(segmentation, "rle")
        (node,) = self.load(series[:1])
        names = [one.GetName() for _, one in segments_of(node)]
        assert 1 <= len(names) < 3
        self.assert_same(node, segmentation, names=names)

    def test_a_layer_of_several_segments_is_shared(self):
        _, segmentation = self.sample()
        (node,) = self.load(self.into_database(segmentation, "deflate"))
        assert node.GetSegmentation().GetNumberOfLayers() == 2

    def test_empty_segments_come_back(self):
        _, segmentation = self.sample()
        segmentation.GetSegmentation().AddEmptySegment("", "nothing there", (0.1, 0.2, 0.3))
        (node,) = self.load(self.into_database(segmentation, "none"))
        assert [one.GetName() for _, one in segments_of(node)] == ["liver", "spleen", "lesion", "nothing there"]

    def test_what_is_loaded_can_be_exported_again(self):
        _, segmentation = self.sample()
        (node,) = self.load(self.into_database(segmentation, "none"))
        report = self.logic.exportSegmentation(node, self.folder / "again.dcm", "deflate")
        assert report.is_verified
        self.assert_same(self.logic.loadSegmentation(self.folder / "again.dcm"), segmentation)

    def test_segments_are_seen_in_the_slice_views(self):
        _, segmentation = self.sample()
        (node,) = self.load(self.into_database(segmentation, "none"))
        slicer.mrmlScene.RemoveNode(segmentation)
        display = node.GetDisplayNode()
        assert display.GetVisibility()
        assert all(display.GetSegmentVisibility(one) for one, _ in segments_of(node))

    def test_a_broken_file_is_a_failed_load_and_changes_nothing(self):
        _, segmentation = self.sample()
        (series,) = self.into_database(segmentation, "none")
        (file,) = self.database.filesForSeries(series)
        plugin, (loadable,) = self.offers([series])
        whole = Path(file).read_bytes()
        Path(file).write_bytes(whole[: len(whole) // 2])
        before = slicer.mrmlScene.GetNumberOfNodes()
        assert not plugin.load(loadable)
        assert slicer.mrmlScene.GetNumberOfNodes() == before


class ConsoleTest(LoadingTestCase):
    def test_the_recipe_of_the_docstring_works(self):
        _, segmentation = self.sample()
        report = self.logic.exportSegmentation(segmentation, self.folder / "seg.dcm", "none")
        recipe = textwrap.dedent(inspect.getdoc(self.logic.loadSegmentation).split("\n\n")[1])
        names = {"slicer": slicer}
        exec(recipe.replace("/tmp/seg.dcm", str(report.paths[0])), names)
        self.assert_same(names["node"], segmentation)

    def test_a_folder_with_an_export_of_several_files(self):
        _, segmentation = self.sample()
        folder = self.folder / "export"
        folder.mkdir()
        self.logic.exportSegmentation(segmentation, folder, "rle-per-segment")
        assert len(list(folder.iterdir())) == 3
        self.assert_same(self.logic.loadSegmentation(folder), segmentation)

    def test_the_volume_is_loaded_from_the_database_where_the_scene_has_none(self):
        _, segmentation = self.sample()
        report = self.logic.exportSegmentation(segmentation, self.folder / "seg.dcm", "none")
        slicer.mrmlScene.Clear()
        node = self.logic.loadSegmentation(report.paths[0])
        assert reference_of(node) is slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")

    def test_no_seg_is_one_clear_error(self):
        from SegRLEExportLib.errors import ExportError

        path = self.folder / "text.dcm"
        path.write_text("no DICOM")
        before = slicer.mrmlScene.GetNumberOfNodes()
        with self.assertRaisesRegex(ExportError, "text.dcm"):  # noqa: PT027 (Slicer has no pytest)
            self.logic.loadSegmentation(path)
        assert slicer.mrmlScene.GetNumberOfNodes() == before


@unittest.skipUnless(SLICERS in getattr(slicer.modules, "dicomPlugins", {}), "this Slicer has no SEG plugin of its own")
class BesideSlicersOwnTest(LoadingTestCase):
    """Slicer 5.12 and newer have a plugin of their own for SEG."""

    READ_BY_SLICER = ("none", "deflate", "rle", "labelmap", "rle-per-segment")

    def test_ours_is_offered_below_it_where_it_reads_right(self):
        _, segmentation = self.sample()
        segmentation.GetSegmentation().RemoveSegment(segmentation.GetSegmentation().GetNthSegmentID(2))
        series = self.into_database(segmentation, "none")
        (_, (ours,)), (_, (slicers,)) = self.offers(series), self.offers(series, SLICERS)
        assert ours.confidence < slicers.confidence

    def test_ours_is_offered_above_it_where_it_does_not(self):
        _, segmentation = self.sample()
        segmentation.GetSegmentation().RemoveSegment(segmentation.GetSegmentation().GetNthSegmentID(2))
        series = self.into_database(segmentation, "rle-binary")
        (_, (ours,)), (_, (slicers,)) = self.offers(series), self.offers(series, SLICERS)
        assert ours.confidence > slicers.confidence
        assert "cannot read RLE compressed pixels of one bit" in ours.tooltip

    def test_it_loads_what_we_write(self):
        _, segmentation = self.sample()
        for plan_id in self.READ_BY_SLICER:
            with self.subTest(plan_id):
                nodes = self.load(self.into_database(segmentation, plan_id), SLICERS)
                names = [one.GetName() for node in nodes for _, one in segments_of(node)]
                assert sorted(names) == ["lesion", "liver", "spleen"]
                for node in nodes:
                    own = [one.GetName() for _, one in segments_of(node)]
                    self.assert_same(node, segmentation, names=own)

    def test_we_load_what_it_writes(self):
        _, segmentation = self.sample()
        give_meaning(segmentation, "lesion", "49755003^SCT^Morphologically abnormal structure")
        before = set(self.series_in_database())
        self.export_by_slicer(segmentation)
        (series,) = set(self.series_in_database()) - before
        (ours,), (slicers,) = self.load([series]), self.load([series], SLICERS)
        self.assert_same(ours, segmentation)
        self.assert_same(ours, slicers)

    def test_how_long_both_take_for_100_segments_on_300_slices(self):
        self.volume, segmentation = large_scene(self.folder, slices=300, segments=100, side=200)
        for plan_id in ("none", "rle"):
            series = self.into_database(segmentation, plan_id)
            seconds = {}
            for key in (LOADER, SLICERS):
                started = time.perf_counter()
                nodes = self.load(series, key)
                seconds[key] = time.perf_counter() - started
                assert sum(node.GetSegmentation().GetNumberOfSegments() for node in nodes) == 100
                for node in nodes:
                    slicer.mrmlScene.RemoveNode(node)
            print(f"loading 100 segments on 300 slices of 200 x 200, {plan_id}: {json.dumps(seconds)}", flush=True)
            assert seconds[LOADER] < seconds[SLICERS]

    def export_by_slicer(self, segmentation) -> None:
        """Export with Slicer's own plugin, as its dialog does, and import the file."""
        plugin = slicer.modules.dicomPlugins[SLICERS]()
        (exportable,) = plugin.examineForExport(item_of(segmentation))
        folder = self.folder / "by-slicer"
        folder.mkdir()
        exportable.directory = str(folder)
        message = plugin.export([exportable])
        assert not message, message
        DICOMUtils.importDicom(str(folder))


def segmentation_nodes() -> list:
    return slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


def segments_of(node) -> list:
    """Return (id, segment) in the node's order."""
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    return [(one, segmentation.GetSegment(one)) for one in ids]


def reference_of(node):
    return node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())


def meaning_of(segment) -> str:
    """Return the meaning of the segment's type as Slicer understands the entry; empty if it has none."""
    text = vtk.reference("")
    if not segment.GetTag(segment.GetTerminologyEntryTagName(), text):
        return ""
    entry = slicer.vtkSlicerTerminologyEntry()
    slicer.modules.terminologies.logic().DeserializeTerminologyEntry(str(text), entry)
    return entry.GetTypeObject().GetCodeMeaning() or ""


def give_meaning(node, name: str, code: str) -> None:
    from SegRLEExportLib.slicer_side.sample_data import _set_meaning

    segmentation = node.GetSegmentation()
    _set_meaning(segmentation.GetSegment(segmentation.GetSegmentIdBySegmentName(name)), code)


if __name__ == "__main__":
    unittest.main()
