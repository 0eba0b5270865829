"""README's recipes for Slicer's Python console, run as they stand: real nodes, stand-ins for the application."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import scenes
from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.slicer_side.nodes.loading import volumes_of
from SegRLEExportLib.slicer_side.nodes.mrml_host import scene
from test_loading import id_of, names_of
from test_node_reader import voxels_in_world_ras
from test_source_lookup import FakeDatabase, refer_to

ROOT = Path(__file__).resolve().parents[2]
RECIPES = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def logic(monkeypatch, chest_folder):
    """The module's logic, as Slicer makes it."""
    import slicer

    base = ModuleType("slicer.ScriptedLoadableModule")
    for name in ("", "Logic", "Test", "Widget"):
        setattr(base, f"ScriptedLoadableModule{name}", type(f"ScriptedLoadableModule{name}", (), {}))
    i18n, library = ModuleType("slicer.i18n"), ModuleType("DICOMLib")
    i18n.tr, i18n.translate = (lambda text: text), (lambda _context, text: text)
    library.DICOMUtils = SimpleNamespace(loadSeriesByUID=lambda _uids: [])
    for module in (base, i18n, library):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(slicer, "mrmlScene", scene(), raising=False)
    monkeypatch.setattr(slicer, "dicomDatabase", FakeDatabase(chest_folder), raising=False)
    spec = importlib.util.spec_from_file_location("SegRLEExport", ROOT / "SegRLEExport" / "SegRLEExport.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SegRLEExportLogic()


def test_what_the_first_exports_the_second_loads(logic, overlapping_node, tmp_path, monkeypatch, capsys):
    import slicer

    for other in volumes_of(scene()):
        scene().RemoveNode(other)
    volume = scenes.a_volume_node(list(slicer.dicomDatabase.file_of))
    scenes.put_voxels_into(volume, (2, 2, 2), np.eye(4))
    refer_to(overlapping_node, volume)
    segmentation = overlapping_node.GetSegmentation()
    for name in names_of(overlapping_node)[1:]:
        segmentation.RemoveSegment(id_of(overlapping_node, name))
    util = SimpleNamespace(getModuleLogic=lambda _name: logic, getNode=lambda _name: overlapping_node)
    monkeypatch.setattr(slicer, "util", util, raising=False)
    found: dict[str, object] = {"slicer": slicer}

    for recipe in RECIPES:
        exec(recipe.replace("/tmp/seg.dcm", str(tmp_path / "seg.dcm")), found)

    assert "seg.dcm" in capsys.readouterr().out
    (name,) = names_of(overlapping_node)
    assert names_of(found["node"]) == [name]
    assert voxels_in_world_ras(found["node"], "Segment_1") == voxels_in_world_ras(
        overlapping_node, id_of(overlapping_node, name)
    )
    assert found["node"].GetNodeReference(found["node"].GetReferenceImageGeometryReferenceRole()) is volume


def test_a_file_that_cannot_be_loaded_leaves_the_scene_as_it_was(logic, tmp_path):
    (tmp_path / "no.dcm").write_bytes(b"no DICOM")
    before = scene().GetNumberOfNodes()
    with pytest.raises(NotASegmentationFileError):
        logic.loadSegmentation(tmp_path / "no.dcm")
    assert scene().GetNumberOfNodes() == before
