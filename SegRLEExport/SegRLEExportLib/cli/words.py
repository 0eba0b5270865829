"""What helps, in the words of a shell: errors and findings name no door's own options, and here they get ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from SegRLEExportLib.batch.outcome import Outcome
    from SegRLEExportLib.errors import ExportError
    from SegRLEExportLib.model.finding import Finding

WORDS = (
    ("Name one with its Series Instance UID.", "Name one with its Series Instance UID: --series UID."),
    ("leave them out (clip)", "leave them out (--clip)"),
    ("leave the voxels out (clip)", "leave the voxels out (--clip)"),
    ("Choose the series that was segmented", "Choose the series that was segmented (--series UID)"),
    ("on the segmentation's own grid", "on the segmentation's own grid (--geometry segmentation)"),
    ("Choose the segmentation's own grid", "Choose the segmentation's own grid (--geometry segmentation)"),
    ("The segmentation's own grid opens there", "With --geometry segmentation it opens there"),
    ("or the segmentation's own grid,", "or the segmentation's own grid (--geometry segmentation),"),
    ("Use the grid of the source images.", "Leave out --geometry segmentation."),
    ("or keep empty frames if", "or keep empty frames (--keep-empty-frames) if"),
    ("export without 'strict'", "export without --strict"),
    ("ask for overwriting", "allow it (--overwrite)"),
    ("leave out the proof by other programs", "leave out the proof by other programs (--verify own)"),
    ("the RLE compressed label map", "the RLE compressed label map (-c rle)"),
    (
        "Deflated or uncompressed with one bit a pixel, all segments are in one file.",
        "With -c deflate or -c none all segments are in one file.",
    ),
    (", or in Slicer the volume that was segmented.", "."),
    (
        "In Slicer, choose a meaning in the Segmentations module (double-click the segment's colour).",
        "Give a table with codes (--segments TABLE).",
    ),
    (
        "(in Slicer in the Segmentations module, double-click the segment's colour)",
        "(--segments TABLE, or the Segmentations module of 3D Slicer)",
    ),
    (
        "Add a segment, or choose segments that the segmentation has.",
        "Give one that has a segment; a label map whose voxels are all 0 has none.",
    ),
    ("Give a table of names.", "Give a table of names (--segments TABLE)."),
    (
        "Export the images again from the archive or scanner, with their UIDs.",
        "Export the images again from the archive or scanner, with their UIDs. For public images that have none, give "
        "the volume of them (--volume VOLUME) and a new folder for SERIES_DIR, and images are written there.",
    ),
    (
        "give all images of the series one UID.",
        "give all images of the series one UID, or give the volume of them (--volume VOLUME) and a new folder for "
        "SERIES_DIR, and images are written there.",
    ),
    ("export fewer segments at a time", "export fewer segments at a time (--segment NAME)"),
    (
        "Give a window, or let the COCO file name the DICOM images themselves.",
        "Give a window (--window CENTRE,WIDTH), or let the COCO file name the DICOM images themselves (no --images).",
    ),
    ("Export at most 255 segments at a time.", "Export at most 255 segments at a time (--segment NAME)."),
)
"""Phrases of errors and findings, and what a shell says for them."""


def error_text(error: ExportError) -> str:
    """Return what an error says to a person at a shell."""
    from SegRLEExportLib.errors import PreflightError

    if isinstance(error, PreflightError):
        return "\n".join(str(finding) for finding in findings_in_words(error.findings))
    return _reworded(str(error))


def in_words(result: Any) -> Any:
    """Return a result with its findings, if it has any, in the words of a shell."""
    findings = getattr(result, "findings", None)
    return replace(result, findings=findings_in_words(findings)) if findings else result


def findings_in_words(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with what helps in the words of a shell; what they found stays as it is."""
    return tuple(replace(finding, help=_reworded(finding.help)) for finding in findings)


def outcome_in_words(outcome: Outcome) -> Outcome:
    """Return how a case of a batch ended, with what helps in the words of a shell."""
    findings = tuple({**finding, "help": _reworded(finding.get("help", ""))} for finding in outcome.findings)
    return replace(outcome, reason=_reworded(outcome.reason), findings=findings)


def _reworded(text: str) -> str:
    for neutral, ours in WORDS:
        text = text.replace(neutral, ours)
    return text
