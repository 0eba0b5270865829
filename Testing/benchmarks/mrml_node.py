"""A workload as a segmentation node, its segments in the shared layers in which Slicer keeps them."""

from __future__ import annotations

import slicer
import vtk
from material import Material
from SegRLEExportLib.model.segmentation import Layer, Segmentation
from SegRLEExportLib.slicer_side.nodes.mrml_host import scene
from vtk.util.numpy_support import numpy_to_vtk

BINARY_LABELMAP = "Binary labelmap"


def make_node(material: Material):
    """Return a new vtkMRMLSegmentationNode in the scene of this process."""
    segmentation = material.segmentation()
    node = scene().AddNewNodeByClass("vtkMRMLSegmentationNode", segmentation.name)
    images = [_image_of(layer) for layer in segmentation.layers]
    converter = slicer.vtkSegmentationConverter
    node.GetSegmentation().SetSourceRepresentationName(BINARY_LABELMAP)
    node.GetSegmentation().SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(), converter.SerializeImageGeometry(images[0])
    )
    for segment_id, segment in _vtk_segments(segmentation):
        segment.AddRepresentation(BINARY_LABELMAP, images[segment_id[0]])
        node.GetSegmentation().AddSegment(segment, segment_id[1])
    return node


def _vtk_segments(segmentation: Segmentation):
    for ours in segmentation.segments:
        segment = slicer.vtkSegment()
        segment.SetName(ours.name)
        segment.SetLabelValue(ours.layer_value)
        yield (ours.layer_index, ours.id), segment


def _image_of(layer: Layer):
    image = slicer.vtkOrientedImageData()
    k, j, i = layer.labels_kji.shape
    image.SetDimensions(i, j, k)
    scalars = numpy_to_vtk(layer.labels_kji.reshape(-1), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR)
    image.GetPointData().SetScalars(scalars)
    to_lps = layer.geometry.kji_to_lps[:, [2, 1, 0, 3]]
    to_ras = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            to_ras.SetElement(row, column, to_lps[row, column] * (-1 if row < 2 else 1))
    image.SetGeometryFromImageToWorldMatrix(to_ras)
    return image
