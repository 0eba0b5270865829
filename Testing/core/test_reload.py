"""Reload of the module, with stand-ins for Slicer: what the DICOM dialogs use is what the module uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

RELOADED = """
import sys
from types import ModuleType, SimpleNamespace

class Base:
    def __init__(self, *args): pass
    def onReload(self): pass

slicer = ModuleType("slicer")
slicer.app = SimpleNamespace(connect=lambda *args: None)
slicer.modules = SimpleNamespace()
slicer.i18n = ModuleType("slicer.i18n")
slicer.i18n.tr, slicer.i18n.translate = (lambda text: text), (lambda context, text: text)
module = ModuleType("slicer.ScriptedLoadableModule")
for name in ("", "Logic", "Test", "Widget"):
    setattr(module, "ScriptedLoadableModule" + name, type("ScriptedLoadableModule" + name, (Base,), {}))
dicom = ModuleType("DICOMLib")
dicom.DICOMPlugin, dicom.DICOMLoadable = Base, Base
for name, stub in {"slicer": slicer, "slicer.i18n": slicer.i18n, "slicer.ScriptedLoadableModule": module,
                   "DICOMLib": dicom, "qt": ModuleType("qt"), "ctk": ModuleType("ctk")}.items():
    sys.modules[name] = stub

import SegRLEExport
SegRLEExport.SegRLEExport(SimpleNamespace())
before = dict(slicer.modules.dicomPlugins)
from SegRLEExportLib import errors as old_errors
SegRLEExport.SegRLEExportWidget().onReload()
from SegRLEExportLib import errors
after = slicer.modules.dicomPlugins
assert errors.ExportError is not old_errors.ExportError
assert before.keys() == after.keys() and len(after) >= 3
for key, plugin in after.items():
    assert plugin is not before[key], key
    assert sys.modules[plugin.__module__].ExportError is errors.ExportError, key
"""


def test_the_dialogs_have_the_classes_of_the_reloaded_module():
    done = subprocess.run(
        [sys.executable, "-c", RELOADED], cwd=ROOT / "SegRLEExport", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
