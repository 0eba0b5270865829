"""The buttons beside findings: which there are, and what they do to the panel's choices; Qt is a stand-in."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import scenes
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.slicer_side.dialog.words import WORDS, Door
from SegRLEExportLib.slicer_side.nodes.loading import volumes_of
from SegRLEExportLib.slicer_side.nodes.mrml_host import scene


class Action:
    """An entry of a menu."""

    def __init__(self, text: str) -> None:
        self.text, self.enabled, self.chosen = text, True, None

    def connect(self, _signal, function) -> None:
        self.chosen = function


class Menu:
    """QMenu: keeps what was shown; the test chooses."""

    shown: Menu

    def __init__(self) -> None:
        self.entries: list[Action] = []

    def addAction(self, text: str) -> Action:
        self.entries.append(Action(text))
        return self.entries[-1]

    def actions(self) -> list[Action]:
        return self.entries

    def exec_(self, _place) -> None:
        Menu.shown = self


@pytest.fixture
def fixes(monkeypatch):
    """The module, imported with stand-ins."""
    import slicer

    qt, i18n = ModuleType("qt"), ModuleType("slicer.i18n")
    qt.QMenu, qt.QCursor, i18n.tr = Menu, SimpleNamespace(pos=lambda: None), lambda text: text
    for module in (qt, i18n):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    name = "SegRLEExportLib.slicer_side.panel.fixes"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(slicer, "mrmlScene", scene(), raising=False)
    yield importlib.import_module(name)
    sys.modules.pop(name, None)


@pytest.fixture
def panel():
    """A panel's choices for a segmentation without transforms, and what was called."""
    node = scenes.a_segmentation_node(np.ones((2, 2, 2), np.uint8), {1: "one"})
    look = SimpleNamespace(segments=[SimpleNamespace(id="Segment_1", name="one", meaning="")])
    parameters = SimpleNamespace(segmentation=node, referenceVolume=None, clip=False, ownGrid=False, compression="rle")
    called: list[object] = []
    return SimpleNamespace(
        parameters=parameters,
        look=look,
        called=called,
        proposals=list,
        chooseMeaning=called.append,
        meaningFromNames=lambda: called.append("names"),
        makeDicomImages=lambda: called.append("images"),
        selectSegmentation=called.append,
    )


def finding(id_: str) -> Finding:
    return Finding(id_, Severity.ERROR, "What was found.")


@pytest.mark.parametrize(
    ("id_", "label", "choice", "value"),
    [
        ("outside-source", "Leave them out", "clip", True),
        ("resampled", "Keep own voxels", "ownGrid", True),
        ("shifted", "Keep own voxels", "ownGrid", True),
        ("grid-not-perpendicular", "Use the images' pixels", "ownGrid", False),
        ("overlap", "Use one deflated file", "compression", "deflate"),
    ],
)
def test_a_button_changes_one_choice(fixes, panel, id_, label, choice, value):
    setattr(panel.parameters, choice, "before" if choice == "compression" else not value)
    advised = f"To keep every voxel in its place, {WORDS[Door.PANEL][Remedy.OWN_GRID]}."
    text, mend = fixes.fix_of(panel, replace(finding(id_), help=advised))
    assert text == label
    mend()
    assert getattr(panel.parameters, choice) == value


@pytest.mark.parametrize("id_", ["SeriesChoiceError", "UnusableSourceError"])
def test_where_several_series_fit_the_volume_is_chosen_by_its_name(fixes, panel, id_):
    for volume in volumes_of(scene()):
        scene().RemoveNode(volume)
    early, late = scenes.a_volume_node(["1.2.3"]), scenes.a_volume_node(["1.2.4"])
    scenes.a_volume_node()
    late.SetName("late phase")
    text, choose = fixes.fix_of(panel, finding(id_))
    assert text == "Choose the volume..."
    choose()
    assert [action.text for action in Menu.shown.actions()] == [early.GetName(), "late phase"]
    Menu.shown.actions()[1].chosen()
    assert panel.parameters.referenceVolume is late


def test_without_a_volume_from_dicom_the_menu_says_so(fixes, panel):
    for volume in volumes_of(scene()):
        scene().RemoveNode(volume)
    fixes.fix_of(panel, finding("SeriesChoiceError"))[1]()
    (action,) = Menu.shown.actions()
    assert not action.enabled
    assert "Load the images first" in action.text


def test_meanings_come_from_names_where_these_tell_one(fixes, panel):
    text, mend = fixes.fix_of(panel, finding("not-coded"))
    assert text == "Choose meaning..."
    mend()
    panel.proposals = lambda: ["one"]
    text, mend = fixes.fix_of(panel, finding("not-coded"))
    assert text == "Meaning from names..."
    mend()
    assert panel.called == ["Segment_1", "names"]


def test_the_meaning_of_a_segment_with_incomplete_codes_is_chosen_anew(fixes, panel):
    panel.look.segments.append(SimpleNamespace(id="Segment_2", name="liver", meaning="Liver"))
    text, mend = fixes.fix_of(panel, replace(finding("incomplete-code"), where="liver"))
    assert text == "Choose meaning..."
    mend()
    assert panel.called == ["Segment_2"]


def test_no_button_promises_what_it_cannot_do(fixes, panel):
    panel.parameters.clip = True
    for id_ in ("outside-source", "NonLinearTransformError", "NoReferenceError", "empty-segment", "resampled"):
        assert fixes.fix_of(panel, finding(id_)) is None
    panel.parameters.referenceVolume = scenes.a_volume_node()
    assert fixes.fix_of(panel, finding("NoReferenceError"))[0] == "Make DICOM images"
