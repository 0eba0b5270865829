"""What "Reload and Test" runs: the sample, through every row of the table of encodings."""

from __future__ import annotations

import tempfile

import slicer
from DICOMLib import DICOMUtils

from SegRLEExportLib.slicer_side.sample_data import load_sample


def run_self_test(logic) -> None:
    """Export the sample in each encoding; raises if a file is not verified, or is not what its row says."""
    from SegRLEExportLib.encoding.plan import PLANS

    slicer.mrmlScene.Clear()
    with DICOMUtils.TemporaryDICOMDatabase(tempfile.mkdtemp()), tempfile.TemporaryDirectory() as folder:
        _volume, segmentation_node = load_sample()
        for plan in PLANS.values():
            report = logic.exportSegmentation(segmentation_node, f"{folder}/{plan.id}", plan.id)
            if not report.is_verified or report.plan is not plan:
                raise AssertionError(str(report))
    slicer.mrmlScene.Clear()
