"""From DICOM SEG files to a segmentation node: layers shared as the segments can share them, nothing copied.

Names, codes, colours, algorithm, tracking and order come with it, and empty segments too. Needs MRML and vtk, no Qt.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import slicer
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from SegRLEExportLib.errors import SeriesNotLoadedError
from SegRLEExportLib.files.slicer_tags import (
    ALGORITHM_NAME,
    ALGORITHM_TYPE,
    DESCRIPTION,
    TRACKING_ID,
    TRACKING_UID,
)
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Layer, Segment, Segmentation
from SegRLEExportLib.model.terminology import slicer_terminology_text
from SegRLEExportLib.reading.first_look import first_look
from SegRLEExportLib.reading.folder import files_of_one_export
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.reading.segmentation import segmentation_of
from SegRLEExportLib.slicer_side.nodes.labelmaps import BINARY_LABELMAP

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_INSTANCE_UIDS = "DICOM.instanceUIDs"
_REFERENCED_INSTANCE_UIDS = "DICOM.ReferencedInstanceUIDs"
_WITHOUT_PLACE = "SegRLEExport.WithoutPlace"
"""Set on nodes of files whose frames have no place in the patient, but lie on the pixels of images."""


def load_segmentation(files: Sequence[Path], scene, *, threshold: float | None = None):
    """Return a new vtkMRMLSegmentationNode with what one or several SEG files of one segmentation show.

    What reading has to say of them is logged as warnings. `threshold` is for fractional files, see
    `reading.segmentation.segmentation_of`. Raises `NotASegmentationFileError` or `UnusableSegFileError`; then the
    scene is as it was.
    """
    segs = [SegFile(path) for path in files]
    segmentation = segmentation_of(segs, threshold=threshold)
    for finding in segmentation.findings:
        logging.warning(f"SegRLEExport: {finding}")
    node = add_segmentation_node(segmentation, scene)
    node.SetAttribute(_INSTANCE_UIDS, " ".join(str(seg.dataset.get("SOPInstanceUID", "")) for seg in segs))
    if not segs[0].has_place:
        node.SetAttribute(_WITHOUT_PLACE, "1")
    return node


def load_path(where, scene, *, threshold: float | None = None, database=None, load_series: Callable | None = None):
    """Return a new node with the SEG in a file, in several files of one export, or in a folder.

    `threshold` is that of `load_segmentation`. The node refers to the volume in the scene that was segmented. If there
    is none, and `database` has its images, `load_series` is called with the Series Instance UIDs to load.

    Raises `SeriesNotLoadedError` if that fails, or what `files_at` and `load_segmentation` raise; then the scene is as
    it was.
    """
    files = files_at(where)
    with _unchanged_by_failure(scene):
        return _load_with_images(files, scene, threshold, database, load_series)


@contextmanager
def _unchanged_by_failure(scene) -> Iterator[None]:
    """Take the nodes out of the scene again that came into it in the block, if that fails."""
    before = set(_nodes_of(scene))
    try:
        yield
    except BaseException:
        for node in [one for one in _nodes_of(scene) if one not in before and one.GetSingletonTag() is None]:
            scene.RemoveNode(node)
        raise


def _nodes_of(scene) -> list:
    return [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]


def _load_with_images(files: list[Path], scene, threshold: float | None, database, load_series: Callable | None):
    node = load_segmentation(files, scene, threshold=threshold)
    uids = sorted({uid for look in map(first_look, files) if look for uid in look.referenced_instance_uids})
    if refer_to_images(node, uids) is None and database is not None and load_series is not None:
        file = next((file for file in map(database.fileForInstance, uids) if file), "")
        if file:
            _load_series(load_series, database.seriesForFile(file))
            refer_to_images(node, uids)
    return node


def _load_series(load_series: Callable, series_uid: str) -> None:
    try:
        load_series([series_uid])
    except Exception as error:  # whatever plugins of the DICOM module raise
        raise SeriesNotLoadedError(str(error) or type(error).__name__) from error


def files_at(where) -> list[Path]:
    """Return the files that are meant: one, several, or those of the one export in a folder, in order of their parts.

    Raises `NotASegmentationFileError` for a folder without SEG, `UnusableSegFileError` for one with several exports.
    """
    if not isinstance(where, (str, Path)):
        return [Path(file) for file in where]
    path = Path(where)
    if not path.is_dir():
        return [path]
    return sorted(files_of_one_export(path), key=_part)


def _part(path: Path) -> tuple[int, int]:
    look = first_look(path)
    return look.part if look else (1, 1)


def add_segmentation_node(segmentation: Segmentation, scene):
    """Return a new node of the scene with those segments; its voxels are the arrays of the layers themselves."""
    images = [_image(layer) for layer in segmentation.layers]
    made = slicer.vtkSegmentation()
    made.SetSourceRepresentationName(BINARY_LABELMAP)
    for segment in segmentation.segments:
        made.AddSegment(_vtk_segment(segment, images[segment.layer_index]), segment.id)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(segmentation.name))
    node.SetAndObserveSegmentation(made)
    node.CreateDefaultDisplayNodes()
    return node


def refer_to_images(node, instance_uids: Iterable[str]):
    """Let the node refer to the images, and to the volume of the scene that shows most of them; return that or None.

    What has no place in the patient is laid on the voxels of that volume, if it has as many each way.
    """
    uids = set(instance_uids)
    scene = node.GetScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    if item:
        hierarchy.SetItemAttribute(item, _REFERENCED_INSTANCE_UIDS, " ".join(sorted(uids)))
    volume, shown = None, 0
    for one in volumes_of(scene):
        count = len(uids & set((one.GetAttribute(_INSTANCE_UIDS) or "").split()))
        if count > shown and one.GetImageData() is not None:
            volume, shown = one, count
    if volume is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        if node.GetAttribute(_WITHOUT_PLACE):
            _lay_on(volume, node.GetSegmentation())
    return volume


def _lay_on(volume, segmentation) -> None:
    """Give the voxels of segments the places of the volume's: of images without a place Slicer chooses them."""
    ijk_to_ras = vtkMatrix4x4()
    volume.GetIJKToRASMatrix(ijk_to_ras)
    for n in range(segmentation.GetNumberOfSegments()):
        image = segmentation.GetNthSegment(n).GetRepresentation(BINARY_LABELMAP)
        if image is not None and image.GetDimensions() == volume.GetImageData().GetDimensions():
            image.SetGeometryFromImageToWorldMatrix(ijk_to_ras)


def volumes_of(scene) -> list:
    """Return the scalar volumes of a scene."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    return [scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode") for n in range(count)]


def _image(layer: Layer):
    """Return a vtkOrientedImageData whose voxels are those of the layer, which the scalars keep alive."""
    image = slicer.vtkOrientedImageData()
    labels = np.ascontiguousarray(layer.labels_kji)
    k, j, i = labels.shape
    image.SetDimensions(i, j, k)
    image.SetGeometryFromImageToWorldMatrix(_ijk_to_ras(layer.geometry))
    image.GetPointData().SetScalars(numpy_to_vtk(labels.reshape(-1)))
    return image


def _ijk_to_ras(geometry: Geometry) -> vtkMatrix4x4:
    matrix = vtkMatrix4x4()
    matrix.DeepCopy((_RAS_TO_LPS @ geometry.kji_to_lps[:, [2, 1, 0, 3]]).reshape(-1).tolist())
    return matrix


def _vtk_segment(segment: Segment, image):
    made = slicer.vtkSegment()
    made.SetName(segment.name)
    made.SetColor(*segment.color_rgb)
    made.SetLabelValue(segment.layer_value)
    made.AddRepresentation(BINARY_LABELMAP, image)
    if segment.terminology is not None:
        made.SetTag(made.GetTerminologyEntryTagName(), slicer_terminology_text(segment.terminology))
    tags = {
        DESCRIPTION: segment.description,
        ALGORITHM_TYPE: segment.algorithm_type.value,
        ALGORITHM_NAME: segment.algorithm_name,
        TRACKING_ID: segment.tracking_id,
        TRACKING_UID: segment.tracking_uid,
    }
    for name, text in tags.items():
        if text:
            made.SetTag(name, text)
    return made
