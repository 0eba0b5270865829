"""What the tests in a running Slicer share: a scene with a DICOM series, the dialog's user, other people's reader."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
from pathlib import Path

import numpy as np
import qt
import slicer
from DICOMLib import DICOMUtils
from SegRLEExportLib.slicer_side import sample_data

STEP_MS = 300
PLANS_OF_DIALOG = {"SegRLEExport": "rle", "SegRLEExportUncompressed": "none", "SegRLEExportDeflated": "deflate"}


class SlicerTestCase(unittest.TestCase):
    """An empty scene, an empty DICOM database and an empty folder for each test."""

    def setUp(self):
        self.watch_slots()
        slicer.mrmlScene.Clear()
        self.folder = Path(tempfile.mkdtemp(prefix="SegRLEExportTest"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        database = DICOMUtils.TemporaryDICOMDatabase(str(self.folder / "database"))
        self.database = database.__enter__()
        self.addCleanup(database.__exit__, None, None, None)
        self.addCleanup(slicer.mrmlScene.Clear)

    def watch_slots(self) -> None:
        """Fail at the end if a function of ours raised where Qt or VTK called it: there it only reaches the log."""
        raised = []

        def watch(kind, error, trace):
            told_by(kind, error, trace)
            if any("SegRLEExportLib" in frame.filename for frame in traceback.extract_tb(trace)):
                raised.append(error)

        def refuse_raised():
            assert raised == []

        told_by, sys.excepthook = sys.excepthook, watch
        self.addCleanup(refuse_raised)
        self.addCleanup(setattr, sys, "excepthook", told_by)

    def sample(self):
        """Return volume and segmentation node of the sample."""
        self.volume, self.segmentation = sample_data.load_sample()
        return self.volume, self.segmentation

    def series_in_database(self, modality: str = "SEG") -> list[str]:
        database = self.database
        every = [
            series
            for patient in database.patients()
            for study in database.studiesForPatient(patient)
            for series in database.seriesForStudy(study)
        ]
        return [series for series in every if database.fieldForSeries("Modality", series) == modality]

    def assert_read_back_by_dcmqi(self, paths, segmentation_node):
        """Compare each segment in each file, voxel by voxel where they lie in space, with the node's."""
        masks = {}
        for path in paths:
            masks.update(masks_by_dcmqi(Path(path), self.folder))
        segmentation = segmentation_node.GetSegmentation()
        ids = {segmentation.GetNthSegment(n).GetName(): segmentation.GetNthSegmentID(n) for n in range(len(masks))}
        assert set(masks) == set(ids)
        for name, (label_node, label) in masks.items():
            expected = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation_node, ids[name], label_node)
            found = slicer.util.arrayFromVolume(label_node) == label
            assert np.count_nonzero(found) > 0, name
            assert np.array_equal(found, expected != 0), name
            whole = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation_node, ids[name], self.volume)
            assert np.count_nonzero(found) == np.count_nonzero(whole), name


def masks_by_dcmqi(path: Path, folder: Path):
    """Return (label volume node, value) by segment name, as Slicer's own importer gets them from dcmqi."""
    program = os.environ.get("SEGRLE_DCMQI") or shutil.which("segimage2itkimage")
    if program is None:
        raise unittest.SkipTest("dcmqi's segimage2itkimage is not there (set SEGRLE_DCMQI)")
    output = Path(tempfile.mkdtemp(dir=folder))
    subprocess.run(
        [program, "--inputDICOM", str(path), "--outputDirectory", str(output), "--mergeSegments"],
        check=True,
        capture_output=True,
        env={key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"},
    )
    groups = json.loads((output / "meta.json").read_text())["segmentAttributes"]
    masks = {}
    for number, group in enumerate(groups, start=1):
        node = slicer.util.loadLabelVolume(str(output / f"{number}.nrrd"), {"singleFile": True})
        masks.update({one["SegmentLabel"]: (node, one["labelID"]) for one in group if one["labelID"]})
    return masks


def item_of(node) -> int:
    return hierarchy().GetItemByDataNode(node)


def hierarchy():
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def spin(seconds: float) -> None:
    """Let Slicer live for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        slicer.app.processEvents()
        time.sleep(0.01)


class DialogUser:
    """Opens Slicer's DICOM export dialog and does one step after another in it, as a user would."""

    def __init__(self, item_id: int) -> None:
        self._item_id = item_id
        self._steps = []
        self.boxes: list[str] = []
        """Texts of the message boxes that came up, all answered with OK."""
        self.message = ""
        """What the dialog's message line said after Export."""

    def choose_row(self, key: str) -> DialogUser:
        def step(window):
            rows = slicer.util.findChild(window, "ExportablesListWidget")
            (row,) = (n for n in range(rows.count) if rows.item(n).text().endswith(f"({key})"))
            rows.setCurrentRow(row)

        return self._then(step)

    def choose_folder(self, folder: Path | None) -> DialogUser:
        def step(window):
            slicer.util.findChild(window, "ExportToFolderCheckBox").checked = folder is not None
            slicer.util.findChild(window, "PathLineEdit_OutputFolder").currentPath = str(folder or "")

        return self._then(step)

    def edit(self, keyword: str, text: str) -> DialogUser:
        def step(window):
            table = slicer.util.findChild(window, "DICOMTagEditorWidget").findChild(qt.QTableWidget)
            (row,) = (n for n in range(table.rowCount) if table.item(n, 0).text() == keyword)
            table.item(row, 1).setText(text)

        return self._then(step)

    def look(self, see) -> DialogUser:
        return self._then(see)

    def press_export(self) -> DialogUser:
        return self._then(lambda window: qt.QTimer.singleShot(0, slicer.util.findChild(window, "ExportButton").click))

    def run(self) -> DialogUser:
        dialog = slicer.qSlicerDICOMExportDialog(None)
        dialog.setMRMLScene(slicer.mrmlScene)
        timer = qt.QTimer()
        timer.connect("timeout()", self._do_next)
        timer.start(STEP_MS)
        dialog.execDialog(self._item_id)
        timer.stop()
        return self

    def _then(self, step) -> DialogUser:
        self._steps.append(step)
        return self

    def _do_next(self) -> None:
        windows = [window for window in slicer.app.topLevelWidgets() if window.visible]
        for box in windows:
            if box.inherits("QMessageBox"):
                self.boxes.append(box.text)
                box.accept()
                return
        for window in windows:
            if slicer.util.findChildren(window, name="ExportablesListWidget"):
                self._do_in(window)

    def _do_in(self, window) -> None:
        if self._steps:
            step = self._steps.pop(0)
            try:
                step(window)
            except Exception:
                logging.exception("a step in the dialog failed")
                self._steps.clear()
                self.message = "a step in the dialog failed"
                window.reject()
            return
        self.message = slicer.util.findChild(window, "ErrorLabel").text
        window.reject()
