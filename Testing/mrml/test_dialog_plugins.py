"""The plugin classes of Slicer's DICOM dialogs, with stand-ins for the application around real nodes and files."""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import scenes
from pydicom import dcmread
from SegRLEExportLib.errors import CancelledError
from SegRLEExportLib.slicer_side.nodes import mrml_host
from SegRLEExportLib.slicer_side.nodes.export import export_node
from test_examination import DialogDatabase
from test_source_lookup import hierarchy, item_of, refer_to

SCREEN_LINES = 40


class Exportable:
    """qSlicerDICOMExportable: attributes and tags."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}

    def setTag(self, name: str, value: str) -> None:
        self.tags[name] = value

    def tag(self, name: str) -> str:
        return self.tags.get(name, "")


class Database(DialogDatabase):
    """The images of one folder, and SEG files beside them."""

    def fileValue(self, file, tag):
        element = dcmread(file, stop_before_pixels=True).get(tuple(int(part, 16) for part in tag.split(",")))
        return "" if element is None else str(element.value)


class Application:
    """What the plugins ask of Slicer, and what they showed."""

    def __init__(self, monkeypatch, folder: Path) -> None:
        import slicer

        self.boxes: list[tuple[str, str]] = []
        self.settings: dict[str, object] = {}
        self.shown: list[object] = []
        i18n = ModuleType("slicer.i18n")
        i18n.tr = lambda text: text
        library = ModuleType("DICOMLib")
        library.DICOMLoadable, library.DICOMPlugin = SimpleNamespace, self._plugin_base()
        for name, module in {"slicer.i18n": i18n, "DICOMLib": library}.items():
            monkeypatch.setitem(sys.modules, name, module)
        for name in ("qt", "ctk"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        user = SimpleNamespace(GetUserInformation=lambda: SimpleNamespace(GetName=lambda: ""))
        answers = {
            "mrmlScene": mrml_host.scene(),
            "dicomDatabase": Database(folder),
            "app": SimpleNamespace(applicationLogic=lambda: user),
            "modules": SimpleNamespace(),
            "qSlicerDICOMExportable": Exportable,
            "util": SimpleNamespace(
                settingsValue=lambda key, default, **_: self.settings.get(key, default),
                toBool=bool,
                mainWindow=lambda: None,
                warningDisplay=lambda text, **more: self.boxes.append((text, more["detailedText"])),
                infoDisplay=lambda text, **more: self.boxes.append((text, more["detailedText"])),
                errorDisplay=lambda text, **_: self.boxes.append((text, "")),
            ),
        }
        for name, answer in answers.items():
            monkeypatch.setattr(slicer, name, answer, raising=False)
        self._forget_modules(monkeypatch)
        registered = importlib.import_module("SegRLEExportLib.slicer_side.dialog.export_plugin")
        registered.register()
        self.plugins = slicer.modules.dicomPlugins

    def rows(self, node) -> dict[str, Exportable]:
        return {
            key: row for key, plugin in self.plugins.items() for row in plugin().examineForExport(item_of_node(node))
        }

    def _plugin_base(self):
        application = self

        class DICOMPlugin:
            def addSeriesInSubjectHierarchy(self, loadable, node):
                application.shown.append((loadable, node))

            def examineForExport(self, _item_id):
                return []

        return DICOMPlugin

    @staticmethod
    def _forget_modules(monkeypatch) -> None:
        for name in ("dialog.export_plugin", "dialog.import_plugin", "dialog.progress", "settings"):
            full = f"SegRLEExportLib.slicer_side.{name}"
            monkeypatch.delitem(sys.modules, full, raising=False)
            package, _, module = full.rpartition(".")
            monkeypatch.delattr(importlib.import_module(package), module, raising=False)


@pytest.fixture
def application(monkeypatch, chest_folder):
    return Application(monkeypatch, chest_folder)


def item_of_node(node) -> int:
    return hierarchy().GetItemByDataNode(node) or item_of(node)


@pytest.fixture
def chest_node(overlapping_node, application):  # noqa: ARG001 (its database)
    """Eight segments in two layers, drawn on the images of the database."""
    import slicer

    volume = scenes.a_volume_node(list(slicer.dicomDatabase.file_of))
    scenes.put_voxels_into(volume, (2, 2, 2), np.eye(4))
    refer_to(overlapping_node, volume)
    return overlapping_node


def on_the_images(node) -> None:
    """Give the node's reference volume the grid of the images, as Slicer's loader does."""
    volume = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
    chest = mrml_host.read_volume_node(scenes.CHEST)
    to_ras = scenes.a_matrix(np.eye(4))
    chest.GetIJKToRASMatrix(to_ras)
    volume.SetAndObserveImageData(chest.GetImageData())
    volume.SetIJKToRASMatrix(to_ras)


class TestExportRows:
    def test_tell_the_sizes_of_this_segmentation_and_prefer_what_keeps_it_together(
        self, application, chest_node, tmp_path
    ):
        on_the_images(chest_node)
        rows = application.rows(chest_node)
        assert rows["SegRLEExport"].name == "RLE compressed DICOM SEG (2 files)"
        assert "they go into 2 files, each of which 3D Slicer's own loader opens" in rows["SegRLEExport"].tooltip
        assert max(rows, key=lambda key: rows[key].confidence) == "SegRLEExportDeflated"
        assert rows["SegRLEExportDeflated"].confidence < 1
        for key, row in rows.items():
            (tmp_path / key).mkdir()
            row.directory = str(tmp_path / key)
            assert application.plugins[key]().export([row]) == ""
            written = sum(path.stat().st_size for path in (tmp_path / key).iterdir())
            told, unit = re.search(r"about ([\d.e+]+) (kB|MB)", row.tooltip).groups()
            assert float(told) * {"kB": 1e3, "MB": 1e6}[unit] == pytest.approx(written, rel=0.05, abs=2000)
        assert re.search("[\\d.]+ times as large as 'Deflated DICOM SEG'", rows["SegRLEExportUncompressed"].tooltip)

    def test_look_at_the_voxels_once_and_again_when_they_change(self, application, chest_node, monkeypatch):
        from SegRLEExportLib.slicer_side.dialog import sizes

        looked = []
        read = sizes.read_segmentation
        monkeypatch.setattr(sizes, "read_segmentation", lambda *given: looked.append(1) or read(*given))
        on_the_images(chest_node)
        for _ in range(2):
            application.rows(chest_node)
        assert len(looked) == 1
        chest_node.GetSegmentation().GetSegment("Segment_2").GetRepresentation("Binary labelmap").Modified()
        application.rows(chest_node)
        assert len(looked) == 2

    def test_count_layers_where_sizes_cannot_be_known(self, application, chest_node):
        volume = chest_node.GetNodeReference(chest_node.GetReferenceImageGeometryReferenceRole())
        volume.SetAndObserveImageData(None)
        rows = application.rows(chest_node)
        assert rows["SegRLEExport"].name == "RLE compressed DICOM SEG (up to 2 files)"
        assert "its 8 segments in 2 layers" in rows["SegRLEExport"].tooltip
        assert max(rows, key=lambda key: rows[key].confidence) == "SegRLEExportDeflated"

    def test_prefill_what_is_written(self, application, chest_node, tmp_path):
        chest_node.SetName("left\\right " + "x" * 70)
        row = application.rows(chest_node)["SegRLEExportDeflated"]
        row.directory = str(tmp_path)
        assert application.plugins["SegRLEExportDeflated"]().export([row]) == ""
        (path,) = tmp_path.iterdir()
        assert dcmread(path).SeriesDescription == row.tag("SeriesDescription") == ("left/right " + "x" * 70)[:64]

    def test_say_afterwards_one_sentence_for_40_structures_in_a_body(self, application, chest_node, tmp_path):
        row = application.rows(a_body_with_parts(chest_node, 40))["SegRLEExport"]
        row.directory = str(tmp_path)
        assert application.plugins["SegRLEExport"]().export([row]) == ""
        ((text, details),) = application.boxes
        assert "body: It overlaps 40 others, which one label map cannot hold: 2 files" in text
        assert "The rows 'Deflated DICOM SEG' and 'Uncompressed DICOM SEG' keep all segments in one file." in text
        assert sum(len(textwrap.wrap(line, 80)) or 1 for line in text.splitlines()) < SCREEN_LINES
        assert details.count("share 1 voxels.") == 40

    def test_say_afterwards_what_other_programs_saw_where_that_was_asked(self, application, chest_node, tmp_path):
        pytest.importorskip("highdicom")
        row = application.rows(chest_node)["SegRLEExportDeflated"]
        (tmp_path / "first").mkdir()
        row.directory = str(tmp_path / "first")
        assert application.plugins["SegRLEExportDeflated"]().export([row]) == ""
        assert not any("highdicom" in text for text, _ in application.boxes)
        application.boxes.clear()

        application.settings["DICOM/SegRLEExport/VerifyByOthers"] = True
        row.directory = str(tmp_path)
        assert application.plugins["SegRLEExportDeflated"]().export([row]) == ""
        ((text, details),) = application.boxes
        assert re.search(r"highdicom [\d.]+( and 3D Slicer's loader, dcmqi [\d.]+)? read it right\.", text)
        assert "highdicom" in details

    @pytest.mark.parametrize("error", [CancelledError(), KeyboardInterrupt(), ValueError("ours")], ids=repr)
    def test_take_all_back_whatever_stops_the_second(self, application, chest_node, tmp_path, monkeypatch, error):
        row = application.rows(chest_node)["SegRLEExportDeflated"]
        row.directory = str(tmp_path)
        plugin = application.plugins["SegRLEExportDeflated"]()
        written = []
        export_one = plugin._export_one

        def first_alone(*given):
            if written:
                raise error
            written.append(export_one(*given))
            return written[0]

        monkeypatch.setattr(plugin, "_export_one", first_alone)
        with contextlib.suppress(KeyboardInterrupt, ValueError):
            assert "The export was cancelled." in plugin.export([row, row])
        assert len(written) == 1
        assert list(tmp_path.iterdir()) == []

    def test_say_why_nothing_can_be_exported(self, application, chest_node):
        chest_node.GetSegmentation().RemoveAllSegments()
        rows = application.rows(chest_node)
        assert list(rows) == ["SegRLEExport"]
        assert "has no segment" in rows["SegRLEExport"].tooltip


def a_body_with_parts(like, count: int):
    """One segment over all, in a layer of its own, and as many of one voxel, on the images of another node."""
    import slicer

    merged = slicer.vtkOrientedImageData()
    like.GetBinaryLabelmapRepresentation("Segment_1", merged)
    to_ras = scenes.a_matrix(np.eye(4))
    merged.GetImageToWorldMatrix(to_ras)
    ijk_to_ras = np.array([[to_ras.GetElement(row, column) for column in range(4)] for row in range(4)])
    first = np.array(merged.GetExtent()[::2])
    ijk_to_ras[:3, 3] = (ijk_to_ras @ (*first, 1))[:3]
    parts = np.zeros((2, 10, 10), np.uint8)
    parts.reshape(-1)[:count] = np.arange(1, count + 1)
    node = scenes.a_segmentation_node(parts, {n: f"part {n}" for n in range(1, count + 1)}, ijk_to_ras)
    body = scenes.a_segmentation_node(np.ones_like(parts), {1: "body"}, ijk_to_ras).GetSegmentation().GetNthSegment(0)
    node.GetSegmentation().AddSegment(body, "Body")
    refer_to(node, like.GetNodeReference(like.GetReferenceImageGeometryReferenceRole()))
    return node


class TestLoader:
    def files(self, node, folder: Path, encoding: str) -> list[list[str]]:
        import slicer

        database = slicer.dicomDatabase
        source = [database.file_of[uid] for uid in database.file_of]
        report = export_node(node, folder, encoding, source=Path(source[0]).parent)
        return [[str(path)] for path in report.paths]

    def test_makes_one_node_of_two_files_whichever_rows_are_pressed(self, application, chest_node, tmp_path):
        lists = self.files(chest_node, tmp_path, "rle")
        plugin = application.plugins["SegRLEExportLoader"]()
        for _ in range(2):
            loadables = plugin.examineForImport(lists)
            assert [loadable.selected for loadable in loadables] == [True, True]
            assert all(plugin.load(loadable) for loadable in loadables)
        assert len(application.shown) == 2
        loadable, node = application.shown[0]
        assert node.GetSegmentation().GetNumberOfSegments() == 8
        reference = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
        assert set(reference.GetAttribute("DICOM.instanceUIDs").split()) >= set(loadable.referencedInstanceUIDs)

    def test_stands_below_slicers_own_unless_the_user_wants_it(self, application, chest_node, tmp_path):
        lists = self.files(chest_node, tmp_path, "none")
        plugin = application.plugins["SegRLEExportLoader"]()
        (loadable,) = plugin.examineForImport(lists)
        assert not loadable.selected
        application.settings["DICOM/SegRLEExport/LoadSeg"] = True
        (loadable,) = plugin.examineForImport(lists)
        assert loadable.selected

    def test_leaves_other_files_alone(self, application):
        import slicer

        plugin = application.plugins["SegRLEExportLoader"]()
        assert plugin.examineForImport([list(slicer.dicomDatabase.file_of.values()), []]) == []

    def test_says_why_a_file_cannot_be_loaded(self, application, chest_node, tmp_path):
        lists = self.files(chest_node, tmp_path, "none")
        plugin = application.plugins["SegRLEExportLoader"]()
        (loadable,) = plugin.examineForImport(lists)
        path = Path(lists[0][0])
        path.write_bytes(path.read_bytes()[:-500])
        before = mrml_host.scene().GetNumberOfNodes()
        assert not plugin.load(loadable)
        assert "is not a readable DICOM Segmentation" in application.boxes[0][0]
        assert mrml_host.scene().GetNumberOfNodes() == before

    def test_says_where_files_with_fractions_are_loaded(self, application, shared_data):
        path = shared_data / "13_generated_dicom_seg" / "highdicom_CT_fractional_prob_rle.dcm"
        plugin = application.plugins["SegRLEExportLoader"]()
        assert not plugin.load(SimpleNamespace(files=[str(path)]))
        assert "Load it in the Python console with a threshold: pixels of at" in application.boxes[0][0]
        assert "loadSegmentation(path, threshold=0.5)." in application.boxes[0][0]
