"""A segmentation node as plain values.

Layers are read where Slicer keeps them, shared by their segments and never merged; copied are only those whose type
is none of labels. The node and its arrays stay as they are. RAS ends here: all that leaves is LPS. Needs MRML and vtk,
no Qt. Of vtk only the modules that are used are imported: all of it takes a third of a second.
"""

from __future__ import annotations

import numpy as np
import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import reference
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from SegRLEExportLib.errors import (
    FlatteningTransformError,
    NoBinaryLabelmapError,
    NonLinearTransformError,
    NonLinearVolumeTransformError,
    UnusableLabelsError,
)
from SegRLEExportLib.files.byte_stream import UnreadableError
from SegRLEExportLib.files.labels import labels_of
from SegRLEExportLib.files.slicer_tags import (
    ALGORITHM_NAME,
    ALGORITHM_TYPE,
    DESCRIPTION,
    TRACKING_ID,
    TRACKING_UID,
)
from SegRLEExportLib.model.geometry import Geometry, Matrix
from SegRLEExportLib.model.segmentation import AlgorithmType, Labels, Layer, Segment, Segmentation
from SegRLEExportLib.model.terminology import parse_slicer_terminology

BINARY_LABELMAP = "Binary labelmap"

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


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
    segmentation = _with_binary_labelmap(segmentation_node, _serialized(grid, node_to_patient) if grid else "")
    layers: list[Layer] = []
    layer_of: dict[int, int] = {}
    segments = []
    for segment_id in _ids(segmentation):
        if segment_ids is not None and segment_id not in segment_ids:
            continue
        segment = segmentation.GetSegment(segment_id)
        image = segment.GetRepresentation(BINARY_LABELMAP)
        key = _identity(image)
        if key not in layer_of:
            layer_of[key] = len(layers)
            layers.append(_layer(image, node_to_patient, segmentation_node.GetName()))
        segments.append(_segment(segment_id, segment, layer_of[key]))
    _refuse_unusable_values(segmentation_node.GetName(), segments, layers)
    return Segmentation(segmentation_node.GetName() or "Segmentation", tuple(layers), tuple(segments))


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
    return len({_identity(image) for image in images} - {0})


def voxels_state(segmentation_node, reference_volume) -> tuple[object, ...]:
    """Return what changes when the node's voxels do, or their place on the volume. Looks at no voxel."""
    segmentation = segmentation_node.GetSegmentation()
    images = [segmentation.GetSegment(one).GetRepresentation(BINARY_LABELMAP) for one in _ids(segmentation)]
    return (
        segmentation.GetMTime(),
        reference_volume.GetMTime(),
        _to_world(segmentation_node).tobytes(),
        _to_world(reference_volume).tobytes(),
        *((_identity(image), image.GetMTime()) for image in images if image is not None),
    )


def refuse_unusable_transforms(segmentation_node, reference_volume) -> None:
    """Raise an error if either is under a transform that no grid of voxels can follow, or that cannot be taken back.

    These are `NonLinearTransformError`, `NonLinearVolumeTransformError` and `FlatteningTransformError`. A non-linear
    one that both share is no exception: those that Slicer makes for tilted gantries and uneven slices tell where the
    images really are, others where they are not.
    """
    if _is_bent(reference_volume):
        raise NonLinearVolumeTransformError(
            reference_volume.GetName(), reference_volume.GetParentTransformNode().GetName()
        )
    if _is_bent(segmentation_node):
        raise NonLinearTransformError(segmentation_node.GetName(), segmentation_node.GetParentTransformNode().GetName())
    for node in (reference_volume, segmentation_node):
        if np.linalg.matrix_rank(np.nan_to_num(_to_world(node), nan=1.0)) < 4:
            raise FlatteningTransformError(node.GetName(), node.GetParentTransformNode().GetName())


def labels_of_image(image, name: str) -> Labels:
    """Return the voxels of a vtkImageData, (k, j, i), as uint8 or uint16; a view where the type allows it.

    Raises `UnusableLabelsError` if they are not whole numbers from 0 to 65535, or of another count than told.
    """
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or not scalars.GetNumberOfTuples():
        return np.zeros((1, 1, 1), dtype=np.uint8)
    i, j, k = image.GetDimensions()
    if scalars.GetNumberOfTuples() != i * j * k:
        raise UnusableLabelsError(
            name, f"a labelmap of {i} x {j} x {k} voxels has {scalars.GetNumberOfTuples()} values"
        )
    try:
        return labels_of(vtk_to_numpy(scalars).reshape(k, j, i))
    except UnreadableError as error:
        raise UnusableLabelsError(name, str(error)) from error


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


def _with_binary_labelmap(segmentation_node, grid: str):
    """Return the node's segmentation if it has voxels, or else a copy of it, converted to a grid if one is given."""
    segmentation = segmentation_node.GetSegmentation()
    if segmentation.GetNumberOfSegments() == 0 or segmentation.ContainsRepresentation(BINARY_LABELMAP):
        return segmentation
    copy = slicer.vtkSegmentation()
    copy.DeepCopy(segmentation)
    if grid:
        copy.SetConversionParameter(slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName(), grid)
    if not copy.CreateRepresentation(BINARY_LABELMAP):
        raise NoBinaryLabelmapError(segmentation_node.GetName(), segmentation.GetSourceRepresentationName())
    return copy


def _ids(segmentation) -> list[str]:
    return [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]


def _identity(image) -> int:
    """Return what two segments have in common if they share a layer; 0 for a segment without voxels."""
    if image is None or image.GetPointData().GetScalars() is None:
        return 0
    return int(image.GetAddressAsString("vtkObject").removeprefix("Addr="), 16)


def _layer(image, node_to_patient: Matrix, name: str) -> Layer:
    labels = labels_of_image(image, name)
    if image is None or labels.size == 1:
        return Layer(labels, Geometry(labels.shape, np.eye(4)))
    ijk_to_ras = vtkMatrix4x4()
    image.GetImageToWorldMatrix(ijk_to_ras)
    return Layer(labels, geometry_of(ijk_to_ras, image.GetExtent(), node_to_patient))


def _segment(segment_id: str, segment, layer_index: int) -> Segment:
    algorithm_type = _tag(segment, ALGORITHM_TYPE)
    known = {member.value for member in AlgorithmType}
    codes = parse_slicer_terminology(_tag(segment, segment.GetTerminologyEntryTagName()))
    return Segment(
        id=segment_id,
        name=segment.GetName() or segment_id,
        layer_index=layer_index,
        layer_value=int(segment.GetLabelValue()) or 1,
        color_rgb=tuple(np.clip(np.nan_to_num(segment.GetColor()), 0, 1).tolist()),
        terminology=codes.terminology,
        description=_tag(segment, DESCRIPTION),
        algorithm_type=AlgorithmType(algorithm_type) if algorithm_type in known else AlgorithmType.MANUAL,
        algorithm_name=_tag(segment, ALGORITHM_NAME),
        tracking_id=_tag(segment, TRACKING_ID),
        tracking_uid=_tag(segment, TRACKING_UID),
        code_faults=codes.faults,
    )


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


def _array(matrix: vtkMatrix4x4) -> Matrix:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
