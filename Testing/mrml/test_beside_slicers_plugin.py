"""Slicer's own scripted plugin, unmodified, beside ours: it loads what we write, and we load what it writes.

SEGRLE_SLICER_SOURCE names a checkout of 3D Slicer (tried with 5.12.3, commit 9034c71a8fce; the plugin of main in August
2026 is the same); without it nothing is run. What the plugin asks of the application is answered by small stand-ins;
segments, label maps, terminology and dcmqi are real.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import scenes
from pydicom import dcmread
from SegRLEExportLib.model.terminology import Code, SegmentTerminology, slicer_terminology_text
from SegRLEExportLib.slicer_side.dialog.import_offers import ABOVE_SLICERS, BELOW_SLICERS
from SegRLEExportLib.slicer_side.dialog.rows import PREFERRED
from SegRLEExportLib.slicer_side.nodes import mrml_host
from SegRLEExportLib.slicer_side.nodes.export import export_node
from SegRLEExportLib.slicer_side.nodes.loading import load_path
from SegRLEExportLib.slicer_side.nodes.segmentation import read_segmentation
from test_node_reader import voxels_in_world_ras
from test_source_lookup import FakeDatabase, refer_to

PLUGIN = "Modules/Scripted/DICOMPlugins/DICOMSegmentationPlugin.py"
LUNG = SegmentTerminology(Code("SCT", "123037004", "Anatomical Structure"), Code("SCT", "39607008", "Lung"))


class Database(FakeDatabase):
    """Answers what Slicer's plugin asks of a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.also: dict[str, str] = {}

    def fileForInstance(self, uid: str) -> str:
        return self.also.get(uid) or super().fileForInstance(uid)

    def fileValue(self, file: str, tag: str) -> str:
        element = dcmread(file, stop_before_pixels=True).get(tuple(int(part, 16) for part in tag.split(",")))
        return "" if element is None else str(element.value)


class PluginBase:
    """What the plugin inherits."""

    def __init__(self) -> None:
        self.tags = {"instanceUID": "0008,0018", "seriesDescription": "0008,103E", "modality": "0008,0060"}
        self.currentDateTime = "now"

    @staticmethod
    def _dcmqi_binary(name: str) -> str:
        import dcmqi

        return str(Path(dcmqi.__file__).parent / "bin" / name)

    def cleanup(self) -> None:
        """Leave the temporary folder to the test."""

    def addReferences(self, loadable) -> None:
        """Refer to nothing."""

    def addSeriesInSubjectHierarchy(self, loadable, node) -> None:
        """Show it nowhere."""


@pytest.fixture
def plugin(monkeypatch, chest_folder, tmp_path):
    """Slicer's plugin as a module."""
    pytest.importorskip("dcmqi")
    source = Path(os.environ.get("SEGRLE_SLICER_SOURCE", "")) / PLUGIN
    if not source.is_file():
        pytest.skip("SEGRLE_SLICER_SOURCE names no checkout of 3D Slicer")
    _stand_in_for_the_application(monkeypatch, Database(chest_folder), tmp_path)
    spec = importlib.util.spec_from_file_location("DICOMSegmentationPlugin", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stand_in_for_the_application(monkeypatch, database, folder: Path) -> None:
    import slicer

    terminologies = slicer.vtkSlicerTerminologiesModuleLogic()
    library = ModuleType("DICOMLib")
    library.DICOMPlugin, library.DICOMLoadable = PluginBase, SimpleNamespace
    monkeypatch.setitem(sys.modules, "DICOMLib", library)
    monkeypatch.setitem(sys.modules, "vtkSegmentationCorePython", slicer)
    logics = {"terminologies": terminologies, "segmentations": mrml_host._host()[2]}
    answers = {
        "mrmlScene": mrml_host.scene(),
        "dicomDatabase": database,
        "app": SimpleNamespace(temporaryPath=str(folder)),
        "modules": SimpleNamespace(
            **{name: SimpleNamespace(logic=lambda logic=logic: logic) for name, logic in logics.items()}
        ),
        "util": SimpleNamespace(
            loadLabelVolume=lambda path, _properties: mrml_host.read_volume_node(
                Path(path), "vtkMRMLLabelMapVolumeNode"
            ),
            saveNode=_save,
            tempDirectory=lambda: tempfile.mkdtemp(dir=folder),
        ),
        "qSlicerDICOMExportable": lambda: SimpleNamespace(setTag=lambda *_: None),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(slicer, name, answer, raising=False)


def _save(node, path: str) -> None:
    storage = mrml_host.scene().AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(path)
    assert storage.WriteData(node)
    mrml_host.scene().RemoveNode(storage)


@pytest.fixture
def coded_node(overlapping_node):
    """Eight coded segments, two of them overlapping."""
    segmentation = overlapping_node.GetSegmentation()
    for n in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(n)
        segment.SetTag(segment.GetTerminologyEntryTagName(), slicer_terminology_text(LUNG))
    overlapping_node.CreateDefaultDisplayNodes()
    return overlapping_node


def voxels_by_name(node) -> dict[str, set]:
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    return {segmentation.GetSegment(one).GetName(): voxels_in_world_ras(node, one) for one in ids}


def colors_by_name(node) -> dict[str, tuple[float, float, float]]:
    """By name, in the order of the segments."""
    return {segment.name: segment.color_rgb for segment in read_segmentation(node).segments}


@pytest.mark.parametrize("encoding", ["rle", "none", "deflate", "labelmap", "labelmap-deflate", "rle-per-segment"])
def test_it_loads_what_we_write(plugin, coded_node, chest_folder, tmp_path, encoding):
    import slicer

    report = export_node(coded_node, tmp_path / "out", encoding, source=chest_folder)

    found, colors = {}, {}
    for instance in report.instances:
        slicer.dicomDatabase.also[instance.sop_instance_uid] = str(instance.path)
        (loadable,) = plugin.DICOMSegmentationPluginClass().examineFiles([str(instance.path)])
        assert BELOW_SLICERS < loadable.confidence < ABOVE_SLICERS
        assert plugin.DICOMSegmentationPluginClass().load(loadable)
        count = mrml_host.scene().GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
        node = mrml_host.scene().GetNthNodeByClass(count - 1, "vtkMRMLSegmentationNode")
        found |= voxels_by_name(node)
        colors |= colors_by_name(node)
        assert {segment.terminology.type for segment in read_segmentation(node).segments} == {LUNG.type}

    assert found == voxels_by_name(coded_node)
    assert colors.keys() == colors_by_name(coded_node).keys()
    for name, color in colors_by_name(coded_node).items():
        assert colors[name] == pytest.approx(color, abs=0.02)


def test_we_load_what_it_writes(plugin, coded_node, tmp_path):
    import slicer

    volume = mrml_host.read_volume_node(scenes.CHEST)
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(slicer.dicomDatabase.file_of))
    refer_to(coded_node, volume)
    (tmp_path / "out").mkdir()
    exporter = plugin.DICOMSegmentationExporter(coded_node)
    assert exporter.export(str(tmp_path / "out"), "seg.dcm", {"SeriesDescription": "by Slicer"})

    loaded = load_path(tmp_path / "out" / "seg.dcm", mrml_host.scene())

    assert voxels_by_name(loaded) == voxels_by_name(coded_node)
    assert list(colors_by_name(loaded)) == list(colors_by_name(coded_node)), "the order of the segments"
    assert {segment.terminology.type for segment in read_segmentation(loaded).segments} == {LUNG.type}
    for name, color in colors_by_name(coded_node).items():
        assert colors_by_name(loaded)[name] == pytest.approx(color, abs=0.02)


def test_our_rows_of_the_export_dialog_stand_below_its_own(plugin, coded_node):
    hierarchy = SimpleNamespace(GetItemDataNode=lambda _item: coded_node, GetItemAttribute=lambda *_: "")
    exportable = plugin.DICOMSegmentationPluginClass()._examineExportableForSegmentationNode(hierarchy, 1)
    assert exportable.confidence > PREFERRED
