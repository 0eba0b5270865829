"""What segments that share voxels come to: one sentence, however many pairs there are; the pairs are its details."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from SegRLEExportLib.encoding.plan import EncodingPlan, Split
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.planes.overlaps import Overlaps

_PAIRS_LISTED = 500


def overlap_findings(
    segmentation: Segmentation, overlaps: Overlaps, plan: EncodingPlan, file_count: int
) -> Iterator[Finding]:
    """Tell once that overlaps make `file_count` label maps, who overlaps whom, and what keeps them together.

    Where each segment has its file whatever overlaps, that is told alone.
    """
    if plan.split is Split.EACH_SEGMENT and file_count > 1:
        yield Finding(
            "file-for-each-segment",
            Severity.NOTE,
            f"{file_count} files are written, one for each segment, and 3D Slicer opens them as {file_count} "
            "segmentations.",
            help=Remedy.ONE_FILE.value,
        )
    if plan.split is not Split.WHERE_OVERLAPPING or not overlaps:
        return
    names = [segment.name for segment in segmentation.segments]
    where, what = _who_meets_whom(names, overlaps)
    yield Finding(
        "overlap",
        Severity.WARNING,
        f"{what}, which one label map cannot hold: {file_count} files are written, and 3D Slicer opens them as "
        f"{file_count} segmentations.",
        where,
        Remedy.ONE_FILE.value,
        details=tuple(_pairs(names, overlaps)),
    )


def _who_meets_whom(names: list[str], overlaps: Overlaps) -> tuple[str, str]:
    """Return the segment or pair that is meant, empty for several, and the beginning of the sentence."""
    if len(overlaps) == 1:
        ((one, other), shared), *_rest = overlaps.items()
        return f"{names[one]} and {names[other]}", f"They share {counted(shared, 'voxel')}"
    partners = Counter(position for pair in overlaps for position in pair)
    most, count = max(partners.items(), key=lambda item: (item[1], -item[0]))
    if count == len(overlaps):
        return names[most], f"It overlaps {counted(count, 'other')}"
    return "", f"{len(partners)} segments overlap others, '{names[most]}' the most ({count})"


def _pairs(names: list[str], overlaps: Overlaps) -> Iterator[str]:
    listed = sorted(overlaps.items())
    for (one, other), shared in listed[:_PAIRS_LISTED]:
        yield f"{names[one]} and {names[other]} share {shared} voxels."
    if len(listed) > _PAIRS_LISTED:
        yield f"... and {len(listed) - _PAIRS_LISTED} more pairs."
