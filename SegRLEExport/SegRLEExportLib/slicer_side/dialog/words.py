"""What helps, in the words of the window that says it: a shell's options mean nothing in a dialog. Needs no Slicer."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from SegRLEExportLib.errors import ExportError, PreflightError, SeriesChoiceError
from SegRLEExportLib.model.finding import Finding


class Door(Enum):
    """Where somebody reads."""

    DIALOG = "Slicer's DICOM export dialog"
    PANEL = "the panel of the SegRLEExport module"


_OWN_VOXELS = "with 'Keep the segmentation's own voxels' (SegRLEExport module, Options)"
_LEFT_OUT = "leave them out with the SegRLEExport module (Options)"

_WORDS: dict[Door, tuple[tuple[str, str], ...]] = {
    Door.PANEL: (
        ("Choose the segmentation's own grid to keep", "Press 'Keep own voxels' to keep"),
        (
            "The segmentation's own grid opens there",
            "With 'Keep the segmentation's own voxels' (Options) it opens there",
        ),
        ("export on the segmentation's own grid", "tick 'Keep the segmentation's own voxels' under Options"),
        ("leave them out (clip)", "tick 'Leave out voxels beyond the images' under Options"),
        ("leave the voxels out (clip)", "tick 'Leave out voxels beyond the images' under Options"),
        ("Choose the series that was segmented", "Choose the volume that was segmented under 'Images'"),
        ("Give only the images of one volume, or in Slicer the volume", "Choose under 'Images' the volume"),
        ("Give only the images of one of them, or in Slicer the volume", "Choose under 'Images' the volume"),
        ("Give only the images of one", "Choose under 'Images' a volume with images of one"),
        ("Use the grid of the source images.", "Press 'Use the images' pixels'."),
        ("or keep empty frames if", "or tick 'Keep frames where nothing is segmented' under Options if"),
        ("the RLE compressed label map", "'Current software (RLE)'"),
        (
            "Deflated or uncompressed with one bit a pixel, all segments are in one file.",
            "'Anyone (uncompressed)' and '3D Slicer 5.10+ (deflated)' keep all segments in one file.",
        ),
        ("uncompressed with one bit a pixel", "'Anyone (uncompressed)'"),
        (
            "In Slicer, choose a meaning in the Segmentations module (double-click the segment's colour).",
            "Double-click the meaning in the table of segments.",
        ),
        ("Export to a folder instead", "Choose a folder under 'Where to' instead"),
    ),
    Door.DIALOG: (
        (
            "Choose the segmentation's own grid to keep every voxel in its place.",
            f"Exported {_OWN_VOXELS} every voxel keeps its place.",
        ),
        ("The segmentation's own grid opens there", f"Exported {_OWN_VOXELS} it opens there"),
        ("export on the segmentation's own grid", f"export {_OWN_VOXELS}"),
        ("leave them out (clip)", _LEFT_OUT),
        ("leave the voxels out (clip)", _LEFT_OUT),
        ("Choose the series that was segmented", "Choose the volume that was segmented (SegRLEExport module, Images)"),
        (
            "Give only the images of one volume, or in Slicer the volume",
            "Choose in the SegRLEExport module, under 'Images', the volume",
        ),
        (
            "Give only the images of one of them, or in Slicer the volume",
            "Choose in the SegRLEExport module, under 'Images', the volume",
        ),
        ("Give only the images of one", "Choose in the SegRLEExport module a volume with images of one"),
        ("or keep empty frames if", "or keep empty frames (SegRLEExport module, Options) if"),
        ("the RLE compressed label map", "the row 'RLE compressed DICOM SEG'"),
        (
            "Deflated or uncompressed with one bit a pixel, all segments are in one file.",
            "The rows 'Deflated DICOM SEG' and 'Uncompressed DICOM SEG' keep all segments in one file.",
        ),
        ("uncompressed with one bit a pixel", "the row 'Uncompressed DICOM SEG'"),
        ("In Slicer, choose", "Choose"),
        ("Export to a folder instead", "Choose a folder in the dialog instead"),
    ),
}

_CHOOSE = {
    Door.PANEL: "Choose the volume that was segmented under 'Images'.",
    Door.DIALOG: "Open the SegRLEExport module and choose the volume that was segmented under 'Images'.",
}


def findings_of(error: ExportError, door: Door) -> tuple[Finding, ...]:
    """Return what an error says as findings in the words of a window; those without an id get their class's name."""
    from SegRLEExportLib.model.finding import Severity

    if isinstance(error, PreflightError):
        return tuple(in_words_of(finding, door) for finding in error.findings)
    if isinstance(error, SeriesChoiceError):
        return (Finding(type(error).__name__, Severity.ERROR, error.reason, help=_CHOOSE[door]),)
    return (Finding(type(error).__name__, Severity.ERROR, _reworded(str(error), door)),)


def in_words_of(finding: Finding, door: Door) -> Finding:
    """Return the finding with what helps in the words of a window."""
    return replace(finding, what=_reworded(finding.what, door), help=_reworded(finding.help, door))


def _reworded(text: str, door: Door) -> str:
    for of_core, of_window in _WORDS[door]:
        text = text.replace(of_core, of_window)
    return text[:1].upper() + text[1:]
