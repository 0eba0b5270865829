"""Tracking ID and UID (0062,0020 and 0062,0021): that a segment here and one in another file are the same thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from SegRLEExportLib.dataset.segment_texts import one_line
from SegRLEExportLib.model.finding import Finding, Severity, of_segments
from SegRLEExportLib.model.segmentation import Segment, Segmentation
from SegRLEExportLib.uids import derived_uid, is_standard_uid


def tracking_uid(segment: Segment, segmentation_name: str, series_uid: str) -> str:
    """Return the Tracking UID (0062,0021): the same for the same segment of the same segmentation.

    One that the segment has is kept, as it says that this is the thing which another file segments.
    """
    return own_tracking_uid(segment) or derived_uid("tracking", series_uid, segmentation_name, segment.id)


def own_tracking_uid(segment: Segment) -> str:
    """Return the Tracking UID that was given, without blanks around it; empty if none was, or it is no UID."""
    text = one_line(segment.tracking_uid)
    return text if is_standard_uid(text) and "." in text else ""


def tracking_id_of(segment: Segment, label: str, segmentation_name: str) -> str:
    if segment.tracking_uid and one_line(segment.tracking_id):
        return one_line(segment.tracking_id)
    return f"{one_line(segmentation_name)}: {label}" if segmentation_name else label


def tracking_findings(segment: Segment) -> Iterator[Finding]:
    """Tell a Tracking UID that names nothing, so that another is written."""
    given = one_line(segment.tracking_uid)
    if given and not own_tracking_uid(segment):
        yield Finding(
            "unusable-tracking-uid",
            Severity.REPAIR,
            f"The Tracking UID '{given[:64]}' that it was given is no UID; one is made of the names.",
            where=segment.name,
        )


def tracked_once(segmentation: Segmentation, series_uid: str) -> Segmentation:
    """Return the segmentation with a Tracking UID for the first segment alone that has it; a copy is another thing.

    Files that were joined, and copies of a segment, have some twice. A finding tells whose were replaced.
    """
    taken: set[str] = set()
    segments, copies = [], []
    for segment in segmentation.segments:
        uid = tracking_uid(segment, segmentation.name, series_uid)
        if uid in taken:
            copies.append(segment.name)
            uid = derived_uid("tracking", series_uid, segmentation.name, segment.id, uid)
            segment = replace(segment, tracking_id="", tracking_uid=uid)
        taken.add(uid)
        segments.append(segment)
    told = Finding(
        "tracked-twice", Severity.NOTE, "A segment before it has the same Tracking UID, so it gets a new one."
    )
    findings = (*segmentation.findings, *of_segments(told, copies))
    return replace(segmentation, segments=tuple(segments), findings=findings)
