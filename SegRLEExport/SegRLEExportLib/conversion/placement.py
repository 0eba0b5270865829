"""What is lost or moved where a segmentation is written on the planes of its images: the same words as for DICOM."""

from __future__ import annotations

from SegRLEExportLib.model.finding import Finding, Severity, errors_in
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.planes.frames import index_frames
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.preflight.placement import placement_findings, refuse
from SegRLEExportLib.progress import Progress


def invented_place(segmentation: Segmentation, source: SourceSeries | None) -> tuple[Finding, ...]:
    """Return what to tell of a volume that has to state a place where its images have none."""
    has_place = source.stack.has_place if source else segmentation.origin is None or segmentation.origin.has_place
    if has_place:
        return ()
    return (
        Finding(
            "place-invented",
            Severity.WARNING,
            "The images have no place in the patient, and the file has to state one: voxel i, j, k is column i of "
            "row j of image k, 1 mm from the next. Distances and volumes measured in it mean nothing.",
        ),
    )


def findings_on_images(
    segmentation: Segmentation, source: SourceSeries, options: ExportOptions, steps: Progress
) -> tuple[Finding, ...]:
    """Return what to tell of the voxels' places; raise `PreflightError` where some would be lost unasked."""
    stack = source.stack
    layers = [SampledLayer.drawn_on(layer, stack) for layer in segmentation.layers]
    steps.stage("Looking at the segments", 0.2, len(stack) * len(layers))
    index = index_frames(segmentation, PlaneRuns(layers, stack.rows, stack.columns), len(stack), steps)
    findings = tuple(placement_findings(segmentation, stack, layers, index, options))
    refuse(errors_in(findings), source.findings)
    return findings
