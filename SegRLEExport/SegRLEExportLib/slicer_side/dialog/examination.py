"""What can be told of a segmentation node at every click: by nodes and database alone, no file is read.

Needs MRML, and a DICOM database; no Qt.
"""

from __future__ import annotations

import slicer

from SegRLEExportLib.errors import (
    NoReferenceError,
    NothingSegmentedError,
    SourceFilesMissingError,
)
from SegRLEExportLib.slicer_side.dialog.fields import IDENTITY_TAGS, free_series_number
from SegRLEExportLib.slicer_side.nodes.segmentation import refuse_unusable_transforms
from SegRLEExportLib.slicer_side.nodes.source_images import (
    reference_instance_uids,
    reference_volume_of,
    refuse_closed,
    study_uid_of,
)


def refuse_hopeless(segmentation_node, database, reference_volume=None) -> None:
    """Raise the `ExportError` that an export of the node is sure to end with, if that can be known already."""
    if segmentation_node.GetSegmentation().GetNumberOfSegments() == 0:
        raise NothingSegmentedError(segmentation_node.GetName())
    refuse_closed(database)
    refuse_unusable_transforms(segmentation_node, reference_volume_of(segmentation_node, reference_volume))
    uids = reference_instance_uids(segmentation_node, reference_volume)
    if uids:
        _refuse_missing(uids, database)
    elif not database.seriesForStudy(study_uid_of(segmentation_node)):
        raise NoReferenceError(segmentation_node.GetName(), reference_volume.GetName() if reference_volume else "")


def suggested_series_number(segmentation_node, database) -> int:
    """Return a Series Number that no series of the study has, and no other segmentation of the study is offered."""
    file = database.fileForInstance(next(iter(reference_instance_uids(segmentation_node)), ""))
    series_uid = database.seriesForFile(file) if file else ""
    siblings = database.seriesForStudy(database.studyForSeries(series_uid) if series_uid else "")
    taken = [_number(database.fieldForSeries("SeriesNumber", uid)) for uid in siblings]
    source_number = _number(database.fieldForSeries("SeriesNumber", series_uid)) if series_uid else 0
    return free_series_number(source_number, taken, _rank_in_study(segmentation_node))


def identity_of_images(segmentation_node, database) -> dict[str, str]:
    """Return patient and study of the images by keyword, as Slicer reads them; nothing of what is not known.

    Images that are found through their study may be any of its series: known is what these have in common.
    """
    files = _files_of_images(segmentation_node, database)
    read = {keyword: [database.fileValue(file, tag) for file in files] for keyword, tag in IDENTITY_TAGS.items()}
    return {keyword: values[0] for keyword, values in read.items() if len(set(values)) == 1}


def _files_of_images(segmentation_node, database) -> list[str]:
    """Return a file of the images, found as an export finds them: of each series that they may be."""
    uids = reference_instance_uids(segmentation_node)
    if uids:
        return [file for file in [database.fileForInstance(uids[0])] if file]
    study_uid = study_uid_of(segmentation_node)
    series = database.seriesForStudy(study_uid) if study_uid else ()
    return [files[0] for files in map(database.filesForSeries, series) if files]


def _refuse_missing(uids: list[str], database) -> None:
    file = database.fileForInstance(uids[0])
    known = set(database.instancesForSeries(database.seriesForFile(file))) if file else set()
    missing = sum(1 for uid in uids if uid not in known and not database.fileForInstance(uid))
    if missing:
        raise SourceFilesMissingError(missing, len(uids))


def _number(text: str) -> int:
    return int(text) if str(text).strip().isdecimal() else 0


def _rank_in_study(segmentation_node) -> int:
    """Return how many segmentations stand before this one under the same item of the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(segmentation_node.GetScene())
    item = hierarchy.GetItemByDataNode(segmentation_node)
    siblings: list[int] = []
    hierarchy.GetItemChildren(hierarchy.GetItemParent(item), siblings)
    nodes = [hierarchy.GetItemDataNode(sibling) for sibling in siblings[: siblings.index(item)]]
    return sum(1 for node in nodes if node is not None and node.IsA("vtkMRMLSegmentationNode"))
