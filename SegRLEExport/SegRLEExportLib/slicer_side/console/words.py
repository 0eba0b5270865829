"""What helps, in the words of a script in Slicer's Python console. Needs no Slicer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from SegRLEExportLib.errors import ExportError
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.report import Report


def _option(text: str) -> str:
    return f"options=ExportOptions({text}) of SegRLEExportLib.options"


_OWN_GRID = _option("grid='segmentation'")
_OWN_PROOF = _option("verify='own'")

WORDS: dict[Remedy, str] = {remedy: remedy.value for remedy in Remedy} | {
    Remedy.NAME_A_SERIES: "Give the volume that was segmented as referenceVolume.",
    Remedy.CHOOSE_SERIES: "Give the volume that was segmented as referenceVolume",
    Remedy.ONE_VOLUME: "Give the volume that was segmented as referenceVolume.",
    Remedy.OTHER_TIME: "If another time is meant, give its volume as referenceVolume.",
    Remedy.IMAGES_OF_ONE: "Give as referenceVolume a volume with images of one",
    Remedy.ONE_IMAGE: "give that image alone as referenceVolume",
    Remedy.OWN_GRID: f"export on the segmentation's own grid ({_OWN_GRID})",
    Remedy.OWN_GRID_OPENS: f"With {_OWN_GRID} it opens there",
    Remedy.IMAGES_GRID: "Leave out grid='segmentation'.",
    Remedy.LEAVE_OUT: f"leave the voxels out ({_option('clip=True')})",
    Remedy.KEEP_VALUES: f"keep label values ({_option('keep_values=True')})",
    Remedy.KEEP_EMPTY_FRAMES: f"keep empty frames ({_option('keep_empty_frames=True')})",
    Remedy.NOT_STRICT: "leave out strict=True",
    Remedy.ONE_FILE: (
        "With compression='none', or compression='deflate' (3D Slicer 5.10 and newer), all segments are in one file."
    ),
    Remedy.FEWER_SEGMENTS: "export fewer segments at a time (segmentIDs=['Segment_1'], for example)",
    Remedy.CHOOSE_MEANING: "Choose a meaning in the Segmentations module (double-click the segment's colour).",
    Remedy.CHOOSE_MEANING_ANEW: (
        "Choose its meaning anew in the Segmentations module (double-click the segment's colour)."
    ),
    Remedy.OVERWRITE: f"allow overwriting ({_option('overwrite=True')})",
    Remedy.OWN_PROOF: f"leave out the proof by other programs ({_OWN_PROOF})",
    Remedy.BY_ITS_NAME: "let 3D Slicer write that (Segmentations module, Export to files)",
    Remedy.THRESHOLD: (
        "Give a threshold above 0 and up to 1: with loadSegmentation(path, threshold=0.5), for example, pixels of at "
        "least that fraction belong to the segment."
    ),
}


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Let errors say what helps in a console: Python shows them there as they are."""
    try:
        yield
    except ExportError as error:
        error.reword(WORDS)
        raise


def report_in_words(report: Report) -> Report:
    """Return the report with findings that say what helps in a console."""
    return replace(report, findings=tuple(finding.in_words(WORDS) for finding in report.findings))
