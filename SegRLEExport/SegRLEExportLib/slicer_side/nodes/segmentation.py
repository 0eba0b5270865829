"""A segmentation node as plain values.

Layers are read where Slicer keeps them, shared by their segments and never merged; copied are only those whose type
is none of labels. The node and its arrays stay as they are. RAS ends here: all that leaves is LPS. Needs MRML and vtk,
no Qt. Of vtk only the modules that are used are imported: all of it takes a third of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import reference
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from SegRLEExportLib.errors import (
    FlatteningTransformError,
    NonLinearTransformError,
    NonLinearVolumeTransformError,
    UnusableLabelsError,
    UnusableTransformError,
)
from SegRLEExportLib.files.byte_stream import UnreadableError
from SegRLEExportLib.files.slicer_tags import (
    ALGORITHM_NAME,
    ALGORITHM_TYPE,
    DESCRIPTION,
    TRACKING_ID,
    TRACKING_UID,
    algorithm_type_of,
)
from SegRLEExportLib.model.geometry import Geometry, Matrix
from SegRLEExportLib.model.segmentation import AlgorithmType, Layer, Segment, Segmentation
from SegRLEExportLib.model.terminology import parse_slicer_terminology
from SegRLEExportLib.slicer_side.nodes.conversion import with_labelmaps
from SegRLEExportLib.slicer_side.nodes.labelmaps import BINARY_LABELMAP, has_voxels, identity_of, labels_of_image

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

_FARTHEST_MM = 1e9
_LARGEST_SCALE = 1e6
"""What transforms may do: beyond it places are rounded to others, and readers take them for damage."""


def read_segmentation(
    segmentation_node, segment_ids=None, reference_volume=None, grid: Geometry | None = None
) -> Segmentation:
    """Return the segments, all or those of `segment_ids`, in the patient's coordinates of the source images.

    Linear transforms above the node are applied, and those above `reference_volume` taken back, because the images
    themselves know nothing of them. Surfaces and contours are converted on a copy, to the voxels of `grid`, in LPS of
    the images, or else of the reference volume: without either Slicer makes voxels as fine as the surface.

    Raises `NoBinaryLabelmapError`, `UnusableLabelsError`, or what `refuse_unusable_transforms` raises.
    """
    refuse_unusable_transforms(segmentation_node, reference_volume)
    node_to_patient = np.linalg.inv(_to_world(reference_volume)) @ _to_world(segmentation_node)
    if grid is None and reference_volume is not None and reference_volume.GetImageData() is not None:
        grid = volume_geometry(reference_volume)
    ids = [one for one in _ids(segmentation_node.GetSegmentation()) if segment_ids is None or one in segment_ids]
    grid_text = _serialized(grid, node_to_patient) if grid else ""
    with_voxels, findings = with_labelmaps(segmentation_node, ids, grid_text)
    layers, segments = _layers_and_segments(segmentation_node, with_voxels, node_to_patient, grid)
    _refuse_unusable_values(segmentation_node.GetName(), segments, layers)
    name = segmentation_node.GetName() or "Segmentation"
    return Segmentation(name, tuple(layers), tuple(segments), tuple(findings))


def _layers_and_segments(
    segmentation_node, with_voxels: dict[str, Any], node_to_patient: Matrix, grid: Geometry | None
) -> tuple[list[Layer], list[Segment]]:
    """Return a layer for each labelmap, one of its own for a segment without, and the segments of those IDs."""
    images: dict[object, Any] = {}
    segments = []
    for segment_id, with_labelmap in with_voxels.items():
        image = with_labelmap.GetRepresentation(BINARY_LABELMAP)
        images.setdefault(identity_of(image) or segment_id, image)
        described = _segment(segment_id, segmentation_node, [*images].index(identity_of(image) or segment_id))
        value = int(with_labelmap.GetLabelValue()) if has_voxels(image) else 1
        segments.append(replace(described, layer_value=value))
    drawn = {
        key: _layer(image, node_to_patient, segmentation_node.GetName())
        for key, image in images.items()
        if has_voxels(image)
    }
    empty = _empty_layer(next((layer.geometry for layer in drawn.values()), grid))
    return [drawn.get(key, empty) for key in images], segments


def _empty_layer(grid: Geometry | None) -> Layer:
    """Return a layer of one voxel that is nobody's, on the grid of others if there are any."""
    geometry = grid.cropped((0, 0, 0), (1, 1, 1)) if grid is not None else Geometry((1, 1, 1), np.eye(4))
    return Layer(np.zeros((1, 1, 1), np.uint8), geometry)


def _refuse_unusable_values(name: str, segments: list[Segment], layers: list[Layer]) -> None:
    """Raise `UnusableLabelsError` for label values that scripts have set and that mark no segment's voxels alone."""
    seen: dict[tuple[int, int], str] = {}
    for segment in segments:
        largest = np.iinfo(layers[segment.layer_index].labels_kji.dtype).max
        if not 0 < segment.layer_value <= largest:
            reason = f"its segment '{segment.name}' has the label value {segment.layer_value}, and should have one of "
            raise UnusableLabelsError(name, f"{reason}its labelmap, from 1 to {largest} (SetLabelValue)")
        place = segment.layer_index, segment.layer_value
        if place in seen:
            reason = (
                f"its segments '{seen[place]}' and '{segment.name}' have one label value, {segment.layer_value}, in "
            )
            raise UnusableLabelsError(name, f"{reason}one labelmap; give each its own (SetLabelValue)")
        seen[place] = segment.name


def layer_count(segmentation_node) -> int:
    """Return how many arrays hold the node's voxels; segments of one never overlap. Looks at no voxel."""
    segmentation = segmentation_node.GetSegmentation()
    images = (segmentation.GetSegment(one).GetRepresentation(BINARY_LABELMAP) for one in _ids(segmentation))
    return len({identity_of(image) for image in images} - {0})


def voxels_state(segmentation_node, reference_volume) -> tuple[object, ...]:
    """Return what changes when the node's voxels do, or their place on the volume. Looks at no voxel."""
    segmentation = segmentation_node.GetSegmentation()
    images = [segmentation.GetSegment(one).GetRepresentation(BINARY_LABELMAP) for one in _ids(segmentation)]
    return (
        segmentation.GetMTime(),
        reference_volume.GetMTime(),
        _to_world(segmentation_node).tobytes(),
        _to_world(reference_volume).tobytes(),
        *((identity_of(image), image.GetMTime()) for image in images if image is not None),
    )


def refuse_unusable_transforms(segmentation_node, reference_volume) -> None:
    """Raise an error if either is under a transform that no grid of voxels can follow, or that cannot be taken back.

    These are `NonLinearTransformError`, `NonLinearVolumeTransformError`, `FlatteningTransformError` and
    `UnusableTransformError`. A non-linear one that both share is no exception: those that Slicer makes for tilted
    gantries and uneven slices tell where the images really are, others where they are not.
    """
    for node, error in (
        (reference_volume, NonLinearVolumeTransformError),
        (segmentation_node, NonLinearTransformError),
    ):
        if _is_bent(node):
            raise error(node.GetName(), _transform_above(node, lambda one: not one.IsLinear()).GetName())
    for node in (reference_volume, segmentation_node):
        if _is_flat(_to_world(node)):
            transform = _transform_above(node, lambda one: _is_flat(_to_parent(one)))
            raise FlatteningTransformError(node.GetName(), transform.GetName())
        if reason := _why_unusable(_to_world(node)):
            transform = _transform_above(node, lambda one: _why_unusable(_to_parent(one)) != "")
            own_reason = _why_unusable(_to_parent(transform))
            raise UnusableTransformError(node.GetName(), transform.GetName(), own_reason or reason)


def _transform_above(node, is_meant: Callable[[Any], bool]):
    """Return the nearest transform above the node that is meant, or its parent if it is none alone."""
    transform = node.GetParentTransformNode()
    while transform is not None and not is_meant(transform):
        transform = transform.GetParentTransformNode()
    return transform or node.GetParentTransformNode()


def _is_flat(matrix: Matrix) -> bool:
    """Tell whether directions become one, or nothing; how long they become, and where they begin, does not matter."""
    if not np.isfinite(matrix).all():
        return False
    largest = np.abs(matrix[:3, :3]).max(axis=0)
    return not largest.all() or np.linalg.matrix_rank(matrix[:3, :3] / largest) < 3


def _why_unusable(matrix: Matrix) -> str:
    """Return what a matrix does that none of a scanner does, and whose places no DICOM file can tell; else empty."""
    if not np.isfinite(matrix).all():
        return "has numbers that are infinite or none"
    largest = float(np.abs(matrix[:3, 3]).max())
    if largest > _FARTHEST_MM:
        return f"moves it by {largest:.3g} mm"
    for axis in matrix[:3, :3].T:
        times = float(np.hypot(np.hypot(axis[0], axis[1]), axis[2]))
        if not 1 / _LARGEST_SCALE <= times <= _LARGEST_SCALE:
            return f"makes it {times:.3g} times as long"
    return ""


def volume_voxels(volume_node) -> np.ndarray:
    """Return the voxels of a scalar volume node, (k, j, i), a view."""
    image = volume_node.GetImageData()
    i, j, k = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(k, j, i)


def volume_geometry(volume_node) -> Geometry:
    """Return where the voxels of a volume node lie, without its transforms."""
    ijk_to_ras = vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(ijk_to_ras)
    return geometry_of(ijk_to_ras, volume_node.GetImageData().GetExtent(), np.eye(4))


def geometry_of(ijk_to_ras: vtkMatrix4x4, extent: tuple[int, ...], node_to_patient: Matrix) -> Geometry:
    """Return where the voxels of a vtkImageData with that matrix and extent lie, `node_to_patient` in RAS."""
    ijk_to_lps = _RAS_TO_LPS @ node_to_patient @ _array(ijk_to_ras)
    kji_to_lps = ijk_to_lps[:, [2, 1, 0, 3]]
    start = (extent[4], extent[2], extent[0])
    shape = (extent[5] - extent[4] + 1, extent[3] - extent[2] + 1, extent[1] - extent[0] + 1)
    return Geometry(shape, kji_to_lps).cropped(start, shape)


def _serialized(grid: Geometry, node_to_patient: Matrix) -> str:
    """Return a grid of the images as Slicer's conversions take it: a text, in the coordinates of the node."""
    image = slicer.vtkOrientedImageData()
    k, j, i = grid.shape_kji
    image.SetExtent(0, i - 1, 0, j - 1, 0, k - 1)
    ijk_to_ras = np.linalg.inv(node_to_patient) @ _RAS_TO_LPS @ grid.kji_to_lps[:, [2, 1, 0, 3]]
    matrix = vtkMatrix4x4()
    matrix.DeepCopy(ijk_to_ras.reshape(-1).tolist())
    image.SetGeometryFromImageToWorldMatrix(matrix)
    return slicer.vtkSegmentationConverter.SerializeImageGeometry(image)


def _ids(segmentation) -> list[str]:
    return [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]


def _layer(image, node_to_patient: Matrix, name: str) -> Layer:
    ijk_to_ras = vtkMatrix4x4()
    image.GetImageToWorldMatrix(ijk_to_ras)
    return Layer(labels_of_image(image, name), geometry_of(ijk_to_ras, image.GetExtent(), node_to_patient))


def _segment(segment_id: str, segmentation_node, layer_index: int) -> Segment:
    """Return what the node says of a segment, but for its label value."""
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    codes = parse_slicer_terminology(_tag(segment, segment.GetTerminologyEntryTagName()))
    return Segment(
        id=segment_id,
        name=segment.GetName() or segment_id,
        layer_index=layer_index,
        layer_value=1,
        color_rgb=tuple(np.clip(np.nan_to_num(segment.GetColor()), 0, 1).tolist()),
        terminology=codes.terminology,
        description=_tag(segment, DESCRIPTION),
        algorithm_type=_algorithm_type(segment, segmentation_node.GetName()),
        algorithm_name=_tag(segment, ALGORITHM_NAME),
        tracking_id=_tag(segment, TRACKING_ID),
        tracking_uid=_tag(segment, TRACKING_UID),
        code_faults=codes.faults,
    )


def _algorithm_type(segment, node_name: str) -> AlgorithmType:
    try:
        return algorithm_type_of(_tag(segment, ALGORITHM_TYPE))
    except UnreadableError as error:
        raise UnusableLabelsError(
            node_name, f"its segment '{segment.GetName()}' {error} (tag {ALGORITHM_TYPE})"
        ) from error


def _tag(segment, name: str) -> str:
    value = reference("")
    return str(value) if segment.GetTag(name, value) else ""


def _is_bent(node) -> bool:
    transform = node.GetParentTransformNode() if node is not None else None
    return transform is not None and not transform.IsTransformToWorldLinear()


def _to_world(node) -> Matrix:
    """Return the (4, 4) map from a node's own RAS to the scene's; identity for no node or no transform."""
    transform = node.GetParentTransformNode() if node is not None else None
    if transform is None:
        return np.eye(4)
    matrix = vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    return _array(matrix)


def _to_parent(transform) -> Matrix:
    """Return the (4, 4) map of a linear transform alone."""
    matrix = vtkMatrix4x4()
    transform.GetMatrixTransformToParent(matrix)
    return _array(matrix)


def _array(matrix: vtkMatrix4x4) -> Matrix:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
