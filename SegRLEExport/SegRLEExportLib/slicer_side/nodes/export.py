"""One call for Slicer's console and scripts: a segmentation node in, verified SEG files out."""

from __future__ import annotations

from pathlib import Path

from SegRLEExportLib.errors import UnknownSegmentError
from SegRLEExportLib.export import export
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.progress import ProgressCallback
from SegRLEExportLib.report import Report
from SegRLEExportLib.slicer_side.nodes.segmentation import read_segmentation
from SegRLEExportLib.slicer_side.nodes.source_images import find_source_of_node, reference_volume_of


def export_node(
    segmentation_node,
    path: Path | str,
    compression: str | None = None,
    *,
    reference_volume=None,
    source=None,
    segment_ids: list[str] | None = None,
    options: ExportOptions | None = None,
    progress: ProgressCallback | None = None,
) -> Report:
    """Write a vtkMRMLSegmentationNode as DICOM SEG; see `export.export` for `path`, `compression` and what is raised.

    The images are found through `reference_volume`, or else through the node itself. `source` (a `SourceSeries` or
    a folder with DICOM files) names them directly; then no DICOM database is needed. Neither the node nor the scene
    is changed, and the subject hierarchy needs no preparation.
    """
    _refuse_unknown(segmentation_node, segment_ids)
    volume = reference_volume_of(segmentation_node, reference_volume)
    segmentation = read_segmentation(segmentation_node, segment_ids, volume)
    if source is None:
        source = find_source_of_node(segmentation_node, segmentation, reference_volume)
    return export(segmentation, source, path, compression, options=options, progress=progress)


def _refuse_unknown(segmentation_node, segment_ids: list[str] | None) -> None:
    segmentation = segmentation_node.GetSegmentation()
    known = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    unknown = [segment_id for segment_id in segment_ids or [] if segment_id not in known]
    if unknown:
        raise UnknownSegmentError(unknown, known, [segmentation.GetSegment(one).GetName() for one in known])
