"""Nodes as Slicer has them, made with slicer-core, and the series that they were drawn on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicerio
import vtk
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.slicer_side.nodes import mrml_host
from SegRLEExportLib.slicer_side.nodes.segmentation import volume_voxels
from SegRLEExportLib.writing.image_series import write_image_series
from vtk.util.numpy_support import numpy_to_vtk

SLICERIO_DATA = Path(slicerio.__file__).parent / "data"
CHEST = SLICERIO_DATA / "CTChest4.nrrd"
SEGMENTS = SLICERIO_DATA / "Segmentation.seg.nrrd"
OVERLAPPING_SEGMENTS = SLICERIO_DATA / "SegmentationOverlapping.seg.nrrd"


def a_chest_series(folder: Path) -> SourceSeries:
    """Write slicerio's CT chest as a DICOM series."""
    node = mrml_host.read_volume_node(CHEST)
    return write_image_series(volume_voxels(node), mrml_host.volume_geometry(node), folder, modality="CT")


def a_volume_node(instance_uids: list[str] | None = None):
    """A volume node that says it was loaded from these DICOM instances."""
    node = mrml_host.scene().AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    if instance_uids is not None:
        node.SetAttribute("DICOM.instanceUIDs", " ".join(instance_uids))
    return node


def put_voxels_into(volume, shape_kji: tuple[int, int, int], ijk_to_ras: np.ndarray) -> None:
    """Give a volume node voxels of 0."""
    image = vtk.vtkImageData()
    image.SetDimensions(*shape_kji[::-1])
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    volume.SetAndObserveImageData(image)
    volume.SetIJKToRASMatrix(a_matrix(ijk_to_ras))


def a_segmentation_node(labels_kji: np.ndarray, names: dict[int, str], ijk_to_ras: np.ndarray | None = None):
    """A segmentation node whose segments share one layer, `labels_kji`, (k, j, i)."""
    import slicer

    image = slicer.vtkOrientedImageData()
    k, j, i = labels_kji.shape
    image.SetDimensions(i, j, k)
    scalars = numpy_to_vtk(labels_kji.reshape(-1), deep=True)
    image.GetPointData().SetScalars(scalars)
    image.SetGeometryFromImageToWorldMatrix(a_matrix(np.eye(4) if ijk_to_ras is None else ijk_to_ras))
    node = mrml_host.scene().AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    node.GetSegmentation().SetSourceRepresentationName("Binary labelmap")
    for value, name in names.items():
        segment = slicer.vtkSegment()
        segment.SetName(name)
        segment.SetLabelValue(value)
        segment.AddRepresentation("Binary labelmap", image)
        node.GetSegmentation().AddSegment(segment, f"Segment_{value}")
    return node


def a_surface_node(radius_mm: float = 10.0):
    """A segmentation node with one segment, a sphere, stored as closed surface only."""
    import slicer

    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(radius_mm)
    sphere.SetThetaResolution(32)
    sphere.SetPhiResolution(32)
    sphere.Update()
    node = mrml_host.scene().AddNewNodeByClass("vtkMRMLSegmentationNode", "Surface")
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    segment = slicer.vtkSegment()
    segment.SetName("sphere")
    segment.AddRepresentation("Closed surface", sphere.GetOutput())
    node.GetSegmentation().AddSegment(segment, "Segment_1")
    return node


def put_under_linear_transform(node, matrix: np.ndarray) -> None:
    """Give the node a parent transform, (4, 4) in RAS."""
    transform = mrml_host.scene().AddNewNodeByClass("vtkMRMLLinearTransformNode", "Shift")
    transform.SetMatrixTransformToParent(a_matrix(matrix))
    node.SetAndObserveTransformNodeID(transform.GetID())


def put_under_bent_transform(node) -> None:
    """Give the node a parent transform that is not linear."""
    transform = mrml_host.scene().AddNewNodeByClass("vtkMRMLTransformNode", "Bent")
    points = [vtk.vtkPoints(), vtk.vtkPoints()]
    rng = np.random.default_rng(1)
    for place in rng.uniform(-50, 50, (8, 3)):
        points[0].InsertNextPoint(*place)
        points[1].InsertNextPoint(*(place + rng.uniform(-3, 3, 3)))
    spline = vtk.vtkThinPlateSplineTransform()
    spline.SetSourceLandmarks(points[0])
    spline.SetTargetLandmarks(points[1])
    spline.SetBasisToR()
    transform.SetAndObserveTransformToParent(spline)
    node.SetAndObserveTransformNodeID(transform.GetID())


def a_matrix(values: np.ndarray) -> vtk.vtkMatrix4x4:
    """A vtkMatrix4x4 of a (4, 4) array."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(values, dtype=float).reshape(-1).tolist())
    return matrix


def write_surfaces(path: Path, centres_ras: list[tuple[float, float, float]], radius_mm: float) -> None:
    """Write balls as closed surfaces, one segment each, as Slicer saves them."""
    import slicer

    node = mrml_host.scene().AddNewNodeByClass("vtkMRMLSegmentationNode", "Balls")
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    for number, centre in enumerate(centres_ras):
        sphere = vtk.vtkSphereSource()
        sphere.SetCenter(*centre)
        sphere.SetRadius(radius_mm)
        sphere.SetThetaResolution(64)
        sphere.SetPhiResolution(64)
        sphere.Update()
        segment = slicer.vtkSegment()
        segment.SetName(f"ball {number}")
        segment.AddRepresentation("Closed surface", sphere.GetOutput())
        node.GetSegmentation().AddSegment(segment, f"Segment_{number}")
    storage = mrml_host.scene().AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(path))
    assert storage.WriteData(node)
    mrml_host.scene().RemoveNode(storage)
    mrml_host.scene().RemoveNode(node)
