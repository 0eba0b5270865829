"""The pages' recipes for Slicer's Python console, run as they stand: real nodes, stand-ins for the application."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import scenes
from SegRLEExportLib.errors import ExportError, NoDatabaseError, NotASegmentationFileError, PreflightError
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.slicer_side.console import arguments
from SegRLEExportLib.slicer_side.nodes.export import export_node
from SegRLEExportLib.slicer_side.nodes.loading import volumes_of
from SegRLEExportLib.slicer_side.nodes.mrml_host import scene
from test_loading import id_of, names_of
from test_node_reader import voxels_in_world_ras
from test_source_lookup import FakeDatabase, refer_to

ROOT = Path(__file__).resolve().parents[2]
RECIPES = [
    recipe
    for page in ("README.md", "Docs/in-slicer.md")
    for recipe in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
]


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


class TestArguments:
    """What scripts hand over by mistake: a sentence each, before anything begins."""

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ({"node": None}, "node is None, and should be a segmentation node, such as slicer.util.getNode"),
            ({"node": "Segmentation"}, "node is the text 'Segmentation', and should be a segmentation node"),
            ({"node": "a volume"}, "node is a vtkMRMLScalarVolumeNode, and should be a segmentation node"),
            ({"path": None}, "path is None, and should be a path, such as '/tmp/seg.dcm'."),
            ({"path": ""}, "path is the text '', and should be a path"),
            ({"path": b"/tmp/seg.dcm"}, "path is of the type bytes, and should be a path"),
            ({"referenceVolume": "CT"}, "referenceVolume is the text 'CT', and should be a volume node"),
            (
                {"referenceVolume": "itself"},
                "referenceVolume is a vtkMRMLSegmentationNode, and should be a volume node",
            ),
            ({"segmentIDs": "Segment_1"}, "segmentIDs is the text 'Segment_1', and should be a list of segment IDs"),
            ({"segmentIDs": []}, "segmentIDs is an empty list, and should be a list of segment IDs"),
            ({"segmentIDs": [1]}, "segmentIDs is a list of other things, and should be a list of segment IDs"),
            ({"options": {"overwrite": True}}, "options is of the type dict, and should be an ExportOptions of SegRLE"),
            ({"compression": 1}, "compression is 1, and should be the id of an encoding"),
            ({"compression": "RLE"}, "There is no encoding 'RLE'. Choose one of: rle, none, deflate"),
            (
                {"compression": "none", "options": ExportOptions(compression="deflate")},
                "compression is 'none', and should be what options have, 'deflate', or left out.",
            ),
            ({"progress": True}, "progress is True, and should be a function of a fraction and a text."),
        ],
    )
    def test_of_an_export(self, words, sentence, logic, overlapping_node, tmp_path):
        nodes = {"itself": overlapping_node, "a volume": scenes.a_volume_node([])}
        given = {"node": overlapping_node, "path": tmp_path / "seg.dcm", **words}
        given = {name: nodes.get(value, value) if isinstance(value, str) else value for name, value in given.items()}
        with pytest.raises(ExportError, match=f"^{re.escape(sentence)}"):
            logic.exportSegmentation(**given)
        assert [*tmp_path.iterdir()] == []

    @pytest.mark.parametrize(
        ("path", "sentence"),
        [
            (None, "path is None, and should be a path, such as '/tmp/seg.dcm', or a list of the files of one export."),
            ([], "path is an empty list, and should be a path"),
            ([None], "path is None, and should be a path"),
            (1, "path is 1, and should be a path"),
        ],
    )
    def test_of_a_load(self, path, sentence, logic):
        with pytest.raises(ExportError, match=f"^{re.escape(sentence)}"):
            logic.loadSegmentation(path)

    @pytest.mark.parametrize("threshold", [0, 2, "0.5", float("nan")])
    def test_of_fractions(self, threshold, logic, tmp_path):
        with pytest.raises(ExportError, match="^threshold is .*, and should be a share above 0 and up to 1"):
            logic.loadSegmentation(tmp_path / "not-read.dcm", threshold=threshold)

    def test_a_class_is_no_node(self, logic, tmp_path):
        import slicer

        with pytest.raises(ExportError, match="^node is the class vtkMRMLSegmentationNode, and should be"):
            logic.exportSegmentation(slicer.vtkMRMLSegmentationNode, tmp_path / "seg.dcm")

    def test_a_node_whose_scene_was_closed_is_told(self, logic, overlapping_node, tmp_path):
        scene().RemoveNode(overlapping_node)
        with pytest.raises(ExportError, match="^node is of no scene: it was removed, or the scene was closed, and sh"):
            logic.exportSegmentation(overlapping_node, tmp_path / "seg.dcm")

    def test_a_node_without_segments_is_told(self, logic, overlapping_node, tmp_path):
        overlapping_node.GetSegmentation().RemoveAllSegments()
        with pytest.raises(ExportError, match="' has no segment. Add one in the Segment Editor, then export."):
            logic.exportSegmentation(overlapping_node, tmp_path / "seg.dcm")

    def test_a_tilde_is_the_users_folder(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        assert arguments.path("~/out/") == f"{tmp_path}/out/"
        assert arguments.path_or_paths(["~/a.dcm"]) == [tmp_path / "a.dcm"]

    def test_an_encoding_in_options_alone_is_the_one_that_is_written(self):
        none = ExportOptions(compression="none")
        assert arguments.export_options(none, None).compression == "none"
        assert arguments.export_options(none, "none").compression == "none"
        assert arguments.export_options(ExportOptions(clip=True), "none") == replace(none, clip=True)
        assert arguments.export_options(None, None).compression == "rle"

    def test_options_of_before_a_reload_are_taken(self):
        before = type("ExportOptions", (ExportOptions,), {})(compression="none")
        assert arguments.export_options(before, None).compression == "none"


class TestWords:
    """What helps is something that a script in Slicer has."""

    @pytest.fixture
    def node(self, overlapping_node):
        import slicer

        refer_to(overlapping_node, scenes.a_volume_node(list(slicer.dicomDatabase.file_of)))
        return overlapping_node

    def test_a_name_that_is_taken(self, logic, node, tmp_path):
        logic.exportSegmentation(node, tmp_path / "seg.dcm", "none")
        with pytest.raises(ExportError) as told:
            logic.exportSegmentation(node, tmp_path / "seg.dcm", "none")
        assert str(told.value).endswith(
            "Choose another name or folder, or allow overwriting (options=ExportOptions(overwrite=True) of "
            "SegRLEExportLib.options)."
        )

    def test_what_stands_in_the_way(self, logic, node, tmp_path):
        scenes.put_under_linear_transform(node, [[1, 0, 0, 100], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        with pytest.raises(PreflightError) as told:
            logic.exportSegmentation(node, tmp_path / "seg.dcm")
        clip = "leave the voxels out (options=ExportOptions(clip=True) of SegRLEExportLib.options)"
        assert f"Give the volume that was segmented as referenceVolume, or {clip}" in str(told.value)
        assert clip in told.value.findings[0].help

    def test_findings_of_a_report(self, logic, node, tmp_path):
        report = logic.exportSegmentation(node, tmp_path / "seg.dcm")
        assert "With compression='none', or compression='deflate' (3D Slicer 5.10 and newer), all" in str(report)

    def test_a_volume_that_names_no_images(self, logic, overlapping_node, tmp_path):
        volume = scenes.a_volume_node()
        with pytest.raises(
            ExportError, match=f"was drawn: the volume '{volume.GetName()}' names no DICOM images. Give the vol"
        ):
            logic.exportSegmentation(overlapping_node, tmp_path / "seg.dcm", referenceVolume=volume)

    def test_images_that_nothing_names(self, logic, overlapping_node, tmp_path):
        with pytest.raises(ExportError, match="was drawn. Give the volume that was segmented as referenceVolume; it"):
            logic.exportSegmentation(overlapping_node, tmp_path / "seg.dcm")

    def test_fractions(self, logic, shared_data):
        path = shared_data / "13_generated_dicom_seg" / "highdicom_CT_fractional_prob_rle.dcm"
        with pytest.raises(
            ExportError, match=r"above 0 and up to 1: with loadSegmentation\(path, threshold=0.5\), for example, pixels"
        ):
            logic.loadSegmentation(path)
        assert logic.loadSegmentation(path, threshold=0.5).GetSegmentation().GetNumberOfSegments()


def test_a_database_that_is_not_open_is_told(logic, overlapping_node, tmp_path):
    import slicer

    slicer.dicomDatabase.isOpen = False
    refer_to(overlapping_node, scenes.a_volume_node(list(slicer.dicomDatabase.file_of)))
    with pytest.raises(NoDatabaseError):
        logic.exportSegmentation(overlapping_node, tmp_path / "seg.dcm")


class TestFolders:
    def test_with_several_exports_are_refused_with_what_to_give(self, logic, overlapping_node, chest_folder, tmp_path):
        for encoding in ("rle", "none"):
            export_node(overlapping_node, tmp_path, encoding, source=chest_folder)
        before = scene().GetNumberOfNodes()
        told = (
            r"it is a folder with 2 exports \(.*\)\. Give one of them: its file, its files, or a folder with them alone"
        )
        with pytest.raises(ExportError, match=told):
            logic.loadSegmentation(str(tmp_path))
        assert scene().GetNumberOfNodes() == before

    def test_without_seg_are_refused(self, logic, chest_folder):
        with pytest.raises(
            NotASegmentationFileError, match="the folder has no SEG file, but [0-9]+ files of CT Image Storage."
        ):
            logic.loadSegmentation(chest_folder)


def test_a_file_that_cannot_be_loaded_leaves_the_scene_as_it_was(logic, tmp_path):
    (tmp_path / "no.dcm").write_bytes(b"no DICOM")
    before = scene().GetNumberOfNodes()
    with pytest.raises(NotASegmentationFileError):
        logic.loadSegmentation(tmp_path / "no.dcm")
    assert scene().GetNumberOfNodes() == before
