"""What the panel shows of an export before it begins: segments, images and everything pre-flight finds.

Needs MRML and the DICOM database; no Qt.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import slicer

from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import ExportError
from SegRLEExportLib.model.finding import Finding, errors_in
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.preflight.survey import Survey, survey
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.slicer_side.dialog.examination import refuse_hopeless
from SegRLEExportLib.slicer_side.dialog.words import Door, findings_of, in_words_of
from SegRLEExportLib.slicer_side.nodes.segmentation import read_segmentation
from SegRLEExportLib.slicer_side.nodes.source_images import (
    find_source_of_node,
    reference_instance_uids,
    reference_volume_of,
)


@dataclass(frozen=True)
class SegmentLook:
    """One line of the table of segments."""

    id: str
    name: str
    color_rgb: tuple[float, float, float]
    meaning: str
    """Of its codes; empty if it has none."""
    voxels: int | None
    """On the source images; None if not counted."""
    overlaps: tuple[str, ...]
    """Names of the segments it shares voxels with."""


@dataclass(frozen=True, eq=False)
class Look:
    """All that is known of an export with the present choices."""

    segments: tuple[SegmentLook, ...] = ()
    findings: tuple[Finding, ...] = ()
    segmentation: Segmentation | None = None
    """The chosen segments alone."""
    source: SourceSeries | None = None

    @property
    def is_possible(self) -> bool:
        """Whether nothing stands in the way."""
        return self.source is not None and not errors_in(self.findings)


class Looker:
    """Looks at nodes; keeps the last source, because reading it takes longest."""

    def __init__(self) -> None:
        self._source_key: tuple[object, ...] = ()
        self._source: SourceSeries | None = None

    def look(self, segmentation_node, reference_volume, left_out_ids: list[str], options: ExportOptions) -> Look:
        """Return what is to be seen; errors that can be known stand among the findings."""
        segments: tuple[SegmentLook, ...] = ()
        try:
            volume = reference_volume_of(segmentation_node, reference_volume)
            whole = read_segmentation(segmentation_node, None, volume)
            segments = _segment_looks(whole, None)
            refuse_hopeless(segmentation_node, slicer.dicomDatabase, reference_volume)
            source = self._source_of(segmentation_node, whole, reference_volume)
            chosen = whole.only([segment.id for segment in whole.segments if segment.id not in left_out_ids])
            seen = _survey(whole, source, options)
            findings = seen.findings if len(chosen.segments) == len(whole.segments) else None
            segments = _segment_looks(whole, seen)
            findings = findings or _survey(chosen, source, options).findings
            return Look(segments, tuple(in_words_of(finding, Door.PANEL) for finding in findings), chosen, source)
        except ExportError as error:
            return Look(segments, findings_of(error, Door.PANEL))

    def _source_of(self, segmentation_node, segmentation: Segmentation, reference_volume) -> SourceSeries:
        uids = reference_instance_uids(segmentation_node, reference_volume)
        key = (slicer.dicomDatabase.databaseDirectory, *uids)
        if self._source is None or not uids or key != self._source_key:
            self._source = find_source_of_node(segmentation_node, segmentation, reference_volume)
            self._source_key = key
        return self._source


def _survey(segmentation: Segmentation, source: SourceSeries, options: ExportOptions) -> Survey:
    return survey(segmentation, source, PLANS[options.compression], options, Progress())


def _segment_looks(segmentation: Segmentation, seen: Survey | None) -> tuple[SegmentLook, ...]:
    names = [segment.name for segment in segmentation.segments]
    partners: dict[int, list[str]] = defaultdict(list)
    for one, other in seen.overlaps if seen else ():
        partners[one].append(names[other])
        partners[other].append(names[one])
    return tuple(
        SegmentLook(
            segment.id,
            segment.name,
            segment.color_rgb,
            segment.terminology.type.meaning if segment.terminology else "",
            int(seen.index.segment_voxels[position]) if seen else None,
            tuple(partners[position]),
        )
        for position, segment in enumerate(segmentation.segments)
    )
