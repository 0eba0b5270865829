"""From a segmentation node to the DICOM images it was drawn on, without any work in the subject hierarchy.

What the caller names goes first, then the node's reference volume, then the images that the subject hierarchy says
it refers to, then the series of its study in the database. Needs MRML, and a DICOM database that answers
`fileForInstance`; no Qt.
"""

from __future__ import annotations

from pathlib import Path

import slicer

from SegRLEExportLib.errors import ImageFilesGoneError, NoDatabaseError, NoReferenceError, SourceFilesMissingError
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.source.choice import choose_series
from SegRLEExportLib.source.series import read_series

_INSTANCE_UIDS = "DICOM.instanceUIDs"
_REFERENCED_INSTANCE_UIDS = "DICOM.ReferencedInstanceUIDs"


def reference_volume_of(segmentation_node, reference_volume=None):
    """Return the volume the caller names, or the one whose geometry the segmentation has; None if there is none."""
    if reference_volume is not None:
        return reference_volume
    return segmentation_node.GetNodeReference(segmentation_node.GetReferenceImageGeometryReferenceRole())


def reference_instance_uids(segmentation_node, reference_volume=None) -> list[str]:
    """Return SOP Instance UIDs of the images that were segmented; empty if nothing names them. Reads no file."""
    volume = reference_volume_of(segmentation_node, reference_volume)
    uids = (volume.GetAttribute(_INSTANCE_UIDS) or "").split() if volume is not None else []
    if uids or reference_volume is not None:
        return uids
    hierarchy, item = _hierarchy_item(segmentation_node)
    return hierarchy.GetItemAttribute(item, _REFERENCED_INSTANCE_UIDS).split() if item else []


def find_source_of_node(
    segmentation_node, segmentation: Segmentation, reference_volume=None, database=None
) -> SourceSeries:
    """Return the series that `segmentation`, read from the node, was drawn on.

    `database` is `slicer.dicomDatabase` unless another is given. Raises `NoDatabaseError`, `NoReferenceError`,
    `SourceFilesMissingError`, `ImageFilesGoneError`, or what `source_reader` raises.
    """
    database = database if database is not None else getattr(slicer, "dicomDatabase", None)
    refuse_closed(database)
    uids = reference_instance_uids(segmentation_node, reference_volume)
    files = _files_of_instances(database, uids) if uids else _files_of_study(database, segmentation_node)
    if not files:
        raise NoReferenceError(segmentation_node.GetName(), reference_volume.GetName() if reference_volume else "")
    return choose_series(read_series(files), segmentation)


def refuse_closed(database) -> None:
    """Raise `NoDatabaseError` if there is no DICOM database, or it is not open."""
    if database is None or not database.isOpen:
        raise NoDatabaseError()


def _files_of_instances(database, uids: list[str]) -> list[Path]:
    files = [Path(file) for file in map(database.fileForInstance, uids) if file]
    if len(files) < len(uids):
        raise SourceFilesMissingError(len(uids) - len(files), len(uids))
    gone = [file for file in files if not file.is_file()]
    if gone:
        raise ImageFilesGoneError(gone, len(uids))
    return files


def study_uid_of(segmentation_node) -> str:
    """Return the Study Instance UID of the study that the subject hierarchy puts the segmentation into, or ""."""
    hierarchy, item = _hierarchy_item(segmentation_node)
    if not item:
        return ""
    constants = slicer.vtkMRMLSubjectHierarchyConstants
    study_item = hierarchy.GetItemAncestorAtLevel(item, constants.GetDICOMLevelStudy())
    return hierarchy.GetItemUID(study_item, constants.GetDICOMUIDName()) if study_item else ""


def _files_of_study(database, segmentation_node) -> list[Path]:
    study_uid = study_uid_of(segmentation_node)
    if not study_uid:
        return []
    return [Path(file) for series in database.seriesForStudy(study_uid) for file in database.filesForSeries(series)]


def _hierarchy_item(segmentation_node):
    """Return the subject hierarchy and the node's item in it; 0 for no item."""
    scene = segmentation_node.GetScene()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene) if scene is not None else None
    return hierarchy, hierarchy.GetItemByDataNode(segmentation_node) if hierarchy is not None else 0
