"""Real series, loaded by Slicer, segmented, exported by the module's logic, and read back by dcmqi in space."""

from __future__ import annotations

import os
import unittest
from pathlib import Path

import numpy as np
import slicer
from DICOMLib import DICOMUtils
from segrle_scenes import SlicerTestCase

DATA = Path(os.environ.get("SEGRLE_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"
SERIES = {
    "CT": "05_sts_008_ct_pet_mr/CT",
    "PET": "05_sts_008_ct_pet_mr/PET",
    "MR": "05_sts_008_ct_pet_mr/MR",
    "oblique MR": "04_mr_oblique_adc_dcmqi/701-ADCb500",
    "sagittal MR": "06_mr_sagittal_120slices_fruit",
    "double oblique MR": "07_geometry_cases_icometrix/mr_double_oblique_hitachi",
}


@unittest.skipUnless(DATA.is_dir(), f"real data not found in {DATA} (set SEGRLE_SHARED)")
class RealSeriesTest(SlicerTestCase):
    def test_each_series_comes_back_in_its_place(self):
        for name, folder in SERIES.items():
            with self.subTest(name):
                slicer.mrmlScene.Clear()
                self.volume = self.load(DATA / folder)
                segmentation = two_halves(self.volume)
                for compression in ("rle", "none", "deflate"):
                    report = slicer.util.getModuleLogic("SegRLEExport").exportSegmentation(
                        segmentation, self.folder / name, compression
                    )
                    self.assert_read_back_by_dcmqi(report.paths, segmentation)

    def load(self, folder: Path):
        """Import the files and return the volume with the most slices that Slicer makes of them.

        It is as with the acquisition geometry regularization set to none.
        """
        before = set(self.database.allFiles())
        DICOMUtils.importDicom(str(folder))
        new = set(self.database.allFiles()) - before
        series = sorted({self.database.seriesForFile(file) for file in new})
        nodes = [slicer.mrmlScene.GetNodeByID(node_id) for node_id in DICOMUtils.loadSeriesByUID(series)]
        volumes = [node for node in nodes if node.IsA("vtkMRMLScalarVolumeNode")]
        volume = max(volumes, key=lambda node: node.GetImageData().GetDimensions()[2])
        volume.SetAndObserveTransformNodeID(None)
        return volume


def two_halves(volume):
    """Return a segmentation of the brighter voxels, those of the lower half of the slices apart from the others."""
    voxels = slicer.util.arrayFromVolume(volume)
    bright = voxels > np.percentile(voxels, 80)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Bright")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    half = (len(voxels) + 1) // 2
    for name, part in (("lower", slice(0, half)), ("upper", slice(half, None))):
        mask = np.zeros(voxels.shape, dtype=np.uint8)
        mask[part] = bright[part]
        segment_id = segmentation.GetSegmentation().AddEmptySegment("", name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment_id, volume)
    return segmentation


if __name__ == "__main__":
    unittest.main()
