"""What helps, in the words of the window that says it: a shell's options mean nothing in a dialog. Needs no Slicer."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from SegRLEExportLib.errors import ExportError, PreflightError, SeriesChoiceError
from SegRLEExportLib.model.finding import Finding
from SegRLEExportLib.model.remedy import Remedy, worded
from SegRLEExportLib.report import Report


class Door(Enum):
    """Where somebody reads."""

    DIALOG = "Slicer's DICOM export dialog"
    PANEL = "the panel of the SegRLEExport module"


_OWN_VOXELS = "with 'Keep the segmentation's own voxels' (SegRLEExport module, Options)"

_OF_NO_WINDOW = {
    remedy: remedy.value
    for remedy in (
        Remedy.IMAGES_FOLDER,
        Remedy.IMAGES_WITH_UIDS,
        Remedy.ONE_SPACE,
        Remedy.FEWER_SEGMENTS,
        Remedy.ADD_SEGMENT,
        Remedy.TABLE_OF_NAMES,
        Remedy.ALGORITHM,
        Remedy.ALGORITHM_NAME,
        Remedy.ALGORITHM_TYPE,
        Remedy.TELL_AGAIN,
        Remedy.WINDOW,
        Remedy.NO_WINDOW,
        Remedy.NO_PICTURES,
        Remedy.SEVERAL_FILES,
        Remedy.RESUME,
        Remedy.BY_ITS_NAME,
        Remedy.ON_THIS_MACHINE,
    )
} | {
    Remedy.KEEP_VALUES: "keep label values (keep_values=True in the Python console)",
    Remedy.OVERWRITE: "move that file away",
    Remedy.NOT_STRICT: "let it be repaired",
    Remedy.THRESHOLD: (
        "Load it in the Python console with a threshold: pixels of at least that fraction belong to the segment. For "
        "example: slicer.util.getModuleLogic('SegRLEExport').loadSegmentation(path, threshold=0.5)."
    ),
}
"""What is done outside of windows, or is the same in all."""

WORDS: dict[Door, dict[Remedy, str]] = {
    Door.PANEL: {
        **_OF_NO_WINDOW,
        Remedy.NAME_A_SERIES: "Choose the volume that was segmented under 'Images'.",
        Remedy.CHOOSE_SERIES: "Choose the volume that was segmented under 'Images'",
        Remedy.ONE_VOLUME: "Choose under 'Images' the volume that was segmented.",
        Remedy.OTHER_TIME: "If another time is meant, choose its volume under 'Images'.",
        Remedy.IMAGES_OF_ONE: "Choose under 'Images' a volume with images of one",
        Remedy.ONE_IMAGE: "choose that image alone under 'Images'",
        Remedy.OWN_GRID: "tick 'Keep the segmentation's own voxels' under Options",
        Remedy.OWN_GRID_OPENS: "With 'Keep the segmentation's own voxels' (Options) it opens there",
        Remedy.IMAGES_GRID: "Untick 'Keep the segmentation's own voxels' under Options.",
        Remedy.LEAVE_OUT: "tick 'Leave out voxels beyond the images' under Options",
        Remedy.KEEP_EMPTY_FRAMES: "tick 'Keep frames where nothing is segmented' under Options",
        Remedy.RLE: "'Current software (RLE)'",
        Remedy.LABEL_MAP: "'Uncompressed label map' (tick 'Show encodings for special cases' under Options)",
        Remedy.UNCOMPRESSED: "'Any archive (uncompressed)'",
        Remedy.PER_SEGMENT: (
            "'RLE compressed, one file for each segment' (tick 'Show encodings for special cases' under Options)"
        ),
        Remedy.ONE_FILE: (
            "'Any archive (uncompressed)' and '3D Slicer 5.10+ (deflated)' keep all segments in one file."
        ),
        Remedy.CHOOSE_MEANING: "Double-click the meaning in the table of segments.",
        Remedy.CHOOSE_MEANING_ANEW: "Double-click the meaning in the table of segments and choose it anew.",
        Remedy.OWN_PROOF: "untick 'Let highdicom and 3D Slicer's own loader read it, too' under Options",
        Remedy.A_FOLDER: "Choose a folder under 'Where to' instead",
    },
    Door.DIALOG: {
        **_OF_NO_WINDOW,
        Remedy.NAME_A_SERIES: "Open the SegRLEExport module and choose the volume that was segmented under 'Images'.",
        Remedy.CHOOSE_SERIES: "Choose the volume that was segmented (SegRLEExport module, Images)",
        Remedy.ONE_VOLUME: "Choose in the SegRLEExport module, under 'Images', the volume that was segmented.",
        Remedy.OTHER_TIME: "If another time is meant, choose its volume in the SegRLEExport module, under 'Images'.",
        Remedy.IMAGES_OF_ONE: "Choose in the SegRLEExport module a volume with images of one",
        Remedy.ONE_IMAGE: "choose that image alone in the SegRLEExport module, under 'Images'",
        Remedy.OWN_GRID: f"export {_OWN_VOXELS}",
        Remedy.OWN_GRID_OPENS: f"Exported {_OWN_VOXELS} it opens there",
        Remedy.IMAGES_GRID: "Export without 'Keep the segmentation's own voxels' (SegRLEExport module, Options).",
        Remedy.LEAVE_OUT: "leave the voxels out with the SegRLEExport module (Options)",
        Remedy.KEEP_EMPTY_FRAMES: "keep empty frames (SegRLEExport module, Options)",
        Remedy.RLE: "the row 'RLE compressed DICOM SEG'",
        Remedy.LABEL_MAP: (
            "'Uncompressed label map' in the SegRLEExport module (Options, 'Show encodings for special cases')"
        ),
        Remedy.UNCOMPRESSED: "the row 'Uncompressed DICOM SEG'",
        Remedy.PER_SEGMENT: (
            "'RLE compressed, one file for each segment' in the SegRLEExport module (Options, 'Show encodings for "
            "special cases')"
        ),
        Remedy.ONE_FILE: ("The rows 'Deflated DICOM SEG' and 'Uncompressed DICOM SEG' keep all segments in one file."),
        Remedy.CHOOSE_MEANING: ("Choose a meaning in the Segmentations module (double-click the segment's colour)."),
        Remedy.CHOOSE_MEANING_ANEW: (
            "Choose its meaning anew in the Segmentations module (double-click the segment's colour)."
        ),
        Remedy.OWN_PROOF: "leave out the proof by other programs (Edit > Application Settings > DICOM)",
        Remedy.A_FOLDER: "Choose a folder in the dialog instead",
    },
}


def findings_of(error: ExportError, door: Door) -> tuple[Finding, ...]:
    """Return what an error says as findings in the words of a window; those without an id get their class's name."""
    from SegRLEExportLib.model.finding import Severity

    if isinstance(error, PreflightError):
        return tuple(in_words_of(finding, door) for finding in error.findings)
    if isinstance(error, SeriesChoiceError):
        help_text = WORDS[door][Remedy.NAME_A_SERIES]
        return (Finding(type(error).__name__, Severity.ERROR, error.reason, help=help_text),)
    return (Finding(type(error).__name__, Severity.ERROR, _reworded(str(error), door)),)


def error_text(error: ExportError, door: Door) -> str:
    """Return what an error says, with what helps in the words of a window."""
    return _reworded(str(error), door)


def report_text(report: Report, door: Door) -> str:
    """Return what a report says, with what helps in the words of a window."""
    return str(replace(report, findings=tuple(in_words_of(finding, door) for finding in report.findings)))


def in_words_of(finding: Finding, door: Door) -> Finding:
    """Return the finding with what helps in the words of a window."""
    return replace(finding, what=_reworded(finding.what, door), help=_reworded(finding.help, door))


def _reworded(text: str, door: Door) -> str:
    told = worded(text, WORDS[door])
    return told[:1].upper() + told[1:] if text[:1].isupper() else told  # names of programs and files stay as they are
