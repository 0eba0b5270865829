"""Everything that would stop or bend this export, found before anything is written, all at once.

Each finding has a stable id and says what helps. What passes here does not fail later for a reason that could
have been known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from pydicom import Dataset

from SegRLEExportLib.dataset.functional_groups import matching_frames
from SegRLEExportLib.dataset.header import described_series
from SegRLEExportLib.dataset.segment_findings import naming_findings
from SegRLEExportLib.dataset.source_attributes import copied_attributes
from SegRLEExportLib.dataset.tracking import tracked_once
from SegRLEExportLib.encoding.instances import Instance, divide
from SegRLEExportLib.encoding.pixel_size import LARGEST_PIXEL_DATA, pixel_bytes
from SegRLEExportLib.encoding.plan import EncodingPlan, Split
from SegRLEExportLib.errors import PreflightError
from SegRLEExportLib.model.finding import Finding, Severity, errors_in
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.options import ExportOptions, Grid
from SegRLEExportLib.planes.frames import FrameIndex, index_frames
from SegRLEExportLib.planes.overlaps import Overlaps, find_overlaps
from SegRLEExportLib.planes.pairing import pairing_of
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.preflight.away import away_findings
from SegRLEExportLib.preflight.kept_values import kept_value_findings, kept_values
from SegRLEExportLib.preflight.option_values import option_findings
from SegRLEExportLib.preflight.origin import origin_findings
from SegRLEExportLib.preflight.overlapping import overlap_findings
from SegRLEExportLib.preflight.own_grid import grid_errors, keeping, own_planes
from SegRLEExportLib.preflight.placement import placement_findings, refuse
from SegRLEExportLib.preflight.plane_steps import frames_without_image, slice_thickness
from SegRLEExportLib.preflight.readers_of_file import not_read_by, steps_findings
from SegRLEExportLib.preflight.viewers import viewer_findings
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.source.findings import uid_errors, uid_warnings

LARGEST_SEGMENT_NUMBER = 65535
"""Segment Number is US (PS3.5, 6.2)."""

LARGEST_SIDE = 65535
"""Rows and Columns are US (PS3.5, 6.2)."""

_IF_NOTHING_IS_THERE = f"Segment something, or {Remedy.KEEP_EMPTY_FRAMES} if the absence itself is to be recorded."


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of an export before it begins."""

    segmentation: Segmentation
    source: SourceSeries
    stack: PlaneStack
    """The planes on which frames lie."""
    slice_thickness_mm: float
    layers: list[SampledLayer]
    runs: PlaneRuns
    index: FrameIndex
    overlaps: Overlaps
    source_frames: tuple[SourceFrame | None, ...]
    """For each plane, the source frame that lies in it."""
    copied: Dataset
    """Attributes taken over from the source, valid."""
    not_read_by: tuple[str, ...] = ()
    """Readers of volumes that fail on these files, because of where the planes lie."""
    findings: tuple[Finding, ...] = ()

    def instances(self, plan: EncodingPlan, options: ExportOptions) -> list[Instance]:
        """Return the files that an encoding makes of the segments."""
        return divide(
            plan,
            self.index,
            self.overlaps,
            keep_empty_frames=options.keep_empty_frames,
            values=kept_values(self.segmentation, options),
        )

    @property
    def errors(self) -> list[Finding]:
        """Return what stands in the way."""
        return errors_in(self.findings)

    def refuse_errors(self) -> None:
        """Raise `PreflightError` if anything stands in the way, with what was found of files that may be the cause."""
        refuse(self.errors, self.findings)


def survey(
    segmentation: Segmentation,
    source: SourceSeries,
    plan: EncodingPlan,
    options: ExportOptions,
    progress: Progress,
) -> Survey:
    """Look at everything once: planes, frames, overlaps, headers, names and options.

    Raises `PreflightError` at once where the rest cannot even be looked at.
    """
    return judged_for(plan, survey_inputs(segmentation, source, options, progress), options)


def judged_for(plan: EncodingPlan, found: Survey, options: ExportOptions) -> Survey:
    """Return what `survey_inputs` found, with what is to be said of the files that `plan` makes of it."""
    instances = found.instances(plan, options)
    return replace(
        found,
        not_read_by=not_read_by(found.stack, instances),
        findings=(*found.findings, *_findings(found, instances, plan, options)),
    )


def survey_inputs(
    segmentation: Segmentation, source: SourceSeries, options: ExportOptions, progress: Progress
) -> Survey:
    """Return what is known whatever the encoding, with what is to be said of the inputs.

    Raises `PreflightError` where the rest cannot even be looked at.
    """
    segmentation = segmentation.on_images(have_place=source.stack.has_place)
    _refuse_unusable(segmentation, source, options)
    segmentation = tracked_once(segmentation, source.series_instance_uid)
    stack = source.stack if options.grid is Grid.SOURCE else own_planes(segmentation)
    layers = [SampledLayer.drawn_on(layer, stack) for layer in segmentation.layers]
    progress.stage("Looking at the segments", 0.15, len(stack) * len(layers))
    runs = PlaneRuns(layers, stack.rows, stack.columns)
    index = index_frames(segmentation, runs, len(stack), progress)
    progress.stage("Looking for overlaps", 0.2, len(stack))
    overlaps = find_overlaps(segmentation, runs, len(stack), progress)
    copied, repairs = copied_attributes(source.header, has_place=stack.has_place)
    source_frames = matching_frames(stack, source.stack, source.frames, source.stack.same_plane_tolerance_mm)
    thickness_mm, thickness_findings = slice_thickness(segmentation, source, stack, options)
    findings = (
        *strictly_judged([*segmentation.findings, *source.findings, *repairs], options),
        *origin_findings(segmentation, source),
        *away_findings(segmentation, source.stack, options),
        *uid_warnings(source),
        *thickness_findings,
    )
    return Survey(
        segmentation,
        source,
        stack,
        thickness_mm,
        layers,
        runs,
        index,
        overlaps,
        tuple(source_frames),
        copied,
        findings=findings,
    )


def _findings(
    found: Survey, instances: list[Instance], plan: EncodingPlan, options: ExportOptions
) -> Iterator[Finding]:
    """Yield what is to be said of the files that `plan` would make."""
    segmentation, stack, index = found.segmentation, found.stack, found.index
    yield from option_findings(options)
    yield from _description_findings(segmentation, options, len(instances))
    yield from steps_findings(stack, instances, segmentation, options, is_copy=_has_copies(segmentation, stack))
    yield from frames_without_image(found.source_frames, index, options)
    keep = keeping(segmentation, options)
    placed = list(placement_findings(segmentation, stack, found.layers, index, options, keep))
    yield from placed
    if index.segment_voxels.any() or not errors_in(placed):  # which would leave every plane empty
        yield from _emptiness_findings(segmentation, index, plan, options, {finding.id for finding in placed})
    yield from overlap_findings(segmentation, found.overlaps, plan, len(instances))
    yield from naming_findings(segmentation)
    yield from _encoding_findings(plan, stack)
    yield from kept_value_findings(segmentation, index, plan, options)
    yield from viewer_findings(plan, stack, instances)
    yield from _size_findings(plan, stack, instances)


def _has_copies(segmentation: Segmentation, stack: PlaneStack) -> bool:
    return any(pairing_of(layer.geometry, stack) is not None for layer in segmentation.layers)


def _refuse_unusable(segmentation: Segmentation, source: SourceSeries, options: ExportOptions) -> None:
    errors = [*_segment_errors(segmentation), *segmentation.place_errors, *uid_errors(source)]
    if not errors and options.grid is Grid.SEGMENTATION:
        errors.extend(grid_errors(segmentation, source))
    if errors:
        raise PreflightError(errors)


def _segment_errors(segmentation: Segmentation) -> Iterator[Finding]:
    """A segmentation must have segments, no more than can be numbered, on grids that have a volume."""
    if not segmentation.segments:
        yield Finding(
            "no-segments",
            Severity.ERROR,
            "There is no segment to export.",
            where=segmentation.name,
            help=Remedy.ADD_SEGMENT.value,
        )
    if len(segmentation.segments) > LARGEST_SEGMENT_NUMBER:
        yield Finding(
            "too-many-segments",
            Severity.ERROR,
            f"There are {len(segmentation.segments)} segments, DICOM can number {LARGEST_SEGMENT_NUMBER}.",
            where=segmentation.name,
            help="Export them in parts.",
        )
    for layer_index, layer in enumerate(segmentation.layers):
        if not layer.geometry.has_volume:
            names = [segment.name for segment in segmentation.segments if segment.layer_index == layer_index]
            yield Finding(
                "grid-without-volume",
                Severity.ERROR,
                "The grid of its voxels has no voxel, or axes that are not three different directions.",
                where=", ".join(names) or segmentation.name,
                help="Set the segmentation's geometry anew, from the volume that was segmented.",
            )


def strictly_judged(findings: Iterable[Finding], options: ExportOptions) -> Iterator[Finding]:
    """Turn repairs into errors where the caller wants none."""
    for finding in findings:
        if options.strict and finding.severity is Severity.REPAIR:
            help_text = f"Correct the source, or {Remedy.NOT_STRICT}."
            yield Finding(finding.id, Severity.ERROR, finding.what, finding.where, help_text)
        else:
            yield finding


def _description_findings(segmentation: Segmentation, options: ExportOptions, file_count: int) -> Iterator[Finding]:
    """Tell what Series Description makes of a name that does not fit."""
    name = options.series_description or segmentation.name
    written = described_series(name, 1, file_count)
    if not written.startswith(name.strip()):
        yield Finding(
            "cut-description",
            Severity.REPAIR,
            "Series Description holds 64 characters of one line, without backslash and invisible marks: written as "
            f"'{written}'.",
            "(0008,103E) SeriesDescription",
        )


def _emptiness_findings(
    segmentation: Segmentation, index: FrameIndex, plan: EncodingPlan, options: ExportOptions, placed: set[str]
) -> Iterator[Finding]:
    """Tell of segments without voxels on the images; `placed` are the ids of what was found of their places."""
    empty = np.flatnonzero(index.segment_voxels == 0).tolist()
    if len(empty) == len(segmentation.segments) and not options.keep_empty_frames:
        yield Finding(
            "all-empty",
            Severity.ERROR,
            "No segment has a voxel on the source images, so there is no frame to write.",
            where=segmentation.name,
            help=f"{Remedy.CHOOSE_SERIES}." if "outside-source" in placed else _IF_NOTHING_IS_THERE,
        )
        return
    has_own_file = plan.split is Split.EACH_SEGMENT and not options.keep_empty_frames
    fate = "no file is written for it" if has_own_file else "it is described in the file, numbered after all others"
    for position in empty:
        yield Finding(
            "empty-segment",
            Severity.WARNING,
            f"The segment has no voxels on the source images; {fate}.",
            where=segmentation.segments[position].name,
        )


def _encoding_findings(plan: EncodingPlan, stack: PlaneStack) -> Iterator[Finding]:
    if plan.warning:
        yield Finding("encoding-for-experts", Severity.WARNING, plan.warning)
    if max(stack.rows, stack.columns) > LARGEST_SIDE:
        yield Finding(
            "plane-too-large",
            Severity.ERROR,
            f"A plane has {stack.rows} x {stack.columns} pixels, DICOM allows {LARGEST_SIDE} each way.",
            help="Crop the segmentation and export again.",
        )


def _size_findings(plan: EncodingPlan, stack: PlaneStack, instances: list[Instance]) -> Iterator[Finding]:
    """Tell if a file would need more Pixel Data than 32 bits can state; encapsulated frames have a length each."""
    if plan.is_encapsulated:
        return
    sizes = (pixel_bytes(one.frame_count, stack, plan.bits_allocated(one.largest_number)) for one in instances)
    largest = max(sizes, default=0)
    if largest > LARGEST_PIXEL_DATA:
        yield Finding(
            "too-large",
            Severity.ERROR,
            f"The pixel data, not compressed, would take {largest / 2**30:.1f} GiB, and DICOM can state no more than "
            "4 GiB.",
            help=f"Choose {Remedy.RLE}, or {Remedy.FEWER_SEGMENTS}.",
        )
