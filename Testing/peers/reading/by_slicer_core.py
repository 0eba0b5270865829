"""3D Slicer's load path with Slicer's own code where PyPI gives it: dcmqi, then MRML takes the label map in.

slicer-core has the C++ that makes segments of a label map (`ImportLabelmapToSegmentationNode`). The loop around it,
which hands out names in order, is in Slicer's DICOM plugin and restated here.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from peers.reading import by_dcmqi
from peers.reading.found import FoundSegment, MisreadError, grid_points

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def version(options: dict[str, Any]) -> str:
    """Return the versions of dcmqi and slicer-core."""
    return f"{by_dcmqi.version(options)} with slicer-core {version_of('slicer-core')}"


def read(path: Path, options: dict[str, Any]) -> list[FoundSegment]:
    """Return the segments, with names and codes."""
    with by_dcmqi.converted(path, options) as groups:
        return [found for volume, group in groups for found in _taken_in(volume, group)]


@lru_cache(maxsize=1)
def _host() -> tuple[Any, Any, Any]:
    """Return a scene and the logics that live with it."""
    scene = slicer.vtkMRMLScene()
    application_logic = slicer.vtkMRMLApplicationLogic()
    application_logic.SetMRMLScene(scene)
    logic = slicer.vtkSlicerSegmentationsModuleLogic()
    logic.SetMRMLApplicationLogic(application_logic)
    logic.SetMRMLScene(scene)
    return scene, application_logic, logic


def _taken_in(volume: Path, group: by_dcmqi.Described) -> list[FoundSegment]:
    scene, _, logic = _host()
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    try:
        storage.SetFileName(str(volume))
        storage.SetSingleFile(True)
        if not storage.ReadData(labels) or not logic.ImportLabelmapToSegmentationNode(labels, node):
            raise MisreadError("Slicer takes in nothing")
        segmentation = node.GetSegmentation()
        if segmentation.GetNumberOfSegments() > len(group):
            raise MisreadError(f"{segmentation.GetNumberOfSegments()} segments for {len(group)} descriptions")
        segments = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
        return [_found(segment, item) for segment, item in zip(segments, group)]
    finally:
        for leftover in (storage, node, labels):
            scene.RemoveNode(leftover)


def _found(segment: Any, item: dict[str, Any]) -> FoundSegment:
    image = segment.GetRepresentation("Binary labelmap")
    first_i, last_i, first_j, last_j, first_k, last_k = image.GetExtent()
    shape = (last_k - first_k + 1, last_j - first_j + 1, last_i - first_i + 1)
    labels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    ijk_to_ras = np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    to_lps = _RAS_TO_LPS @ ijk_to_ras
    to_lps[:, 3] = to_lps @ (first_i, first_j, first_k, 1)
    kji_to_lps = to_lps[:, [2, 1, 0, 3]]
    code = item["SegmentedPropertyTypeCodeSequence"]["CodeValue"]
    mask = labels == segment.GetLabelValue()
    return FoundSegment(grid_points(mask, kji_to_lps), None, item.get("SegmentLabel"), code)
