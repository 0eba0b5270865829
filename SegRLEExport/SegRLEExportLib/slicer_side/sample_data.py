"""A small CT with three segments, made on the spot: to try the module without any download.

The images are synthetic (spheres in noise) and go through the DICOM database as a scanner's would.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import slicer
from DICOMLib import DICOMUtils
from slicer.i18n import tr as _

from SegRLEExportLib.errors import NoDatabaseError

SAMPLE_NAME = "CT with DICOM segmentation"

_SHAPE_KJI = (40, 160, 192)
_SPACING_MM = (3.0, 1.5, 1.5)
_WINDOW_HU, _LEVEL_HU = 400, 40
_ORGANS = (
    ("liver", (20, 80, 70), 34, 60, "10200004^SCT^Liver", (0.87, 0.51, 0.40)),
    ("spleen", (22, 96, 140), 17, 50, "78961009^SCT^Spleen", (0.61, 0.43, 0.44)),
    ("lesion", (20, 70, 80), 8, 25, "", (0.57, 0.93, 0.12)),
)
"""Name, centre (k, j, i), radius in pixels, Hounsfield units, coded type, colour."""


def register() -> None:
    """Add the sample to the Sample Data module."""
    import SampleData

    logic = SampleData.SampleDataLogic
    if hasattr(logic, "registerCustomSampleDataCategory"):
        logic.registerCustomSampleDataCategory("SegRLEExport", title="SegRLEExport")
    logic.registerCustomSampleDataSource(
        category="SegRLEExport",
        sampleName=SAMPLE_NAME,
        thumbnailFileName=str(Path(__file__).parents[2] / "Resources" / "Icons" / "SegRLEExport.png"),
        uris="",
        customDownloader=_load_on_click,
    )


def _load_on_click(_source) -> None:
    with slicer.util.tryWithErrorDisplay(_("The sample cannot be loaded."), waitCursor=True):
        volume, _segmentation = load_sample()
        slicer.util.setSliceViewerLayers(background=volume, fit=True)


def load_sample():
    """Import the sample series into the DICOM database and return its volume node and segmentation node.

    Raises `NoDatabaseError`.
    """
    database = slicer.dicomDatabase
    if database is None or not database.isOpen:
        raise NoDatabaseError()
    with tempfile.TemporaryDirectory(prefix="SegRLEExportSample") as folder:
        series = write_sample_series(Path(folder))
        DICOMUtils.importDicom(folder, database, copyFiles=True)
    (volume_id,) = DICOMUtils.loadSeriesByUID([series.series_instance_uid])
    volume = slicer.mrmlScene.GetNodeByID(volume_id)
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevel(_WINDOW_HU, _LEVEL_HU)
    return volume, segment_sample(volume)


def write_sample_series(folder: Path):
    """Write the images into `folder` and return their `SourceSeries`."""
    from SegRLEExportLib.model.geometry import Geometry
    from SegRLEExportLib.writing.image_series import write_image_series

    k, j, i = _SPACING_MM
    depth, height, width = _SHAPE_KJI
    to_lps = np.array(
        [[0, 0, i, -i * width / 2], [0, j, 0, -j * height / 2], [k, 0, 0, -k * depth / 2], [0, 0, 0, 1.0]]
    )
    voxels = np.random.default_rng(0).normal(-20, 4, _SHAPE_KJI).astype(np.int16)
    for _name, centre, radius, value, _code, _color in _ORGANS:
        voxels[_ball(centre, radius)] += value + 20
    return write_image_series(
        voxels,
        Geometry(_SHAPE_KJI, to_lps),
        folder,
        modality="CT",
        patient_name="Sample^Synthetic",
        patient_id="SEGRLE-SAMPLE",
        study_description="SegRLEExport sample",
        series_description="Synthetic abdomen",
    )


def segment_sample(volume):
    """Return a new segmentation node of the sample's volume, with three segments of which two overlap."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Abdomen segmentation")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    _put_into_study_of(volume, node)
    for name, centre, radius, _value, code, color in _ORGANS:
        segment_id = node.GetSegmentation().AddEmptySegment("", name, color)
        mask = _ball(centre, radius).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment_id, volume)
        if code:
            _set_meaning(node.GetSegmentation().GetSegment(segment_id), code)
    return node


def _set_meaning(segment, type_code: str) -> None:
    from SegRLEExportLib.model.terminology import Code, SegmentTerminology, slicer_terminology_text

    value, scheme, meaning = type_code.split("^")
    anatomy = Code("SCT", "123037004", "Anatomical Structure")
    text = slicer_terminology_text(SegmentTerminology(anatomy, Code(scheme, value, meaning)))
    segment.SetTag(segment.GetTerminologyEntryTagName(), text)


def _put_into_study_of(volume, node) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume))
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), study)


def _ball(centre_kji: tuple[int, int, int], radius: int) -> np.ndarray:
    """Return a mask, (k, j, i), of the pixels no farther than `radius` pixels from the centre."""
    k, j, i = np.ogrid[: _SHAPE_KJI[0], : _SHAPE_KJI[1], : _SHAPE_KJI[2]]
    flattening = _SPACING_MM[0] / _SPACING_MM[2]
    distance = (flattening * (k - centre_kji[0])) ** 2 + (j - centre_kji[1]) ** 2 + (i - centre_kji[2]) ** 2
    return distance <= radius**2
