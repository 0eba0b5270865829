"""What helps, in the words of a shell: its options for each remedy that errors and findings name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.model.remedy import Remedy, worded

if TYPE_CHECKING:
    from SegRLEExportLib.errors import ExportError
    from SegRLEExportLib.model.finding import Finding

WORDS = {
    Remedy.NAME_A_SERIES: "Name one with its Series Instance UID: --series UID.",
    Remedy.CHOOSE_SERIES: "Choose the images that were segmented (--series UID, or another SERIES_DIR or --volume)",
    Remedy.IMAGES_FOLDER: (
        "Give the folder with the DICOM files of the images that were segmented; of a volume that is not from DICOM, "
        "segrle export --volume VOLUME writes them."
    ),
    Remedy.ONE_VOLUME: "Give the images of one volume alone.",
    Remedy.OTHER_TIME: "If another time is meant, give its number (--time N), or its images alone.",
    Remedy.IMAGES_OF_ONE: "Give only the images of one",
    Remedy.ONE_IMAGE: "give the file of that image alone as SERIES_DIR",
    Remedy.IMAGES_WITH_UIDS: (
        "Export the images again from the archive or scanner, with their UIDs. For public images that have none, give "
        "the same images as a volume (--volume VOLUME) and a new folder for SERIES_DIR: DICOM images are then written "
        "into that folder."
    ),
    Remedy.ONE_SPACE: (
        "give all images of the series the same Frame of Reference UID, or give the same images as a volume (--volume "
        "VOLUME) and a new folder for SERIES_DIR: DICOM images are then written into that folder."
    ),
    Remedy.OWN_GRID: "export on the segmentation's own grid (--geometry segmentation)",
    Remedy.OWN_GRID_OPENS: "With --geometry segmentation it opens there",
    Remedy.IMAGES_GRID: "Leave out --geometry segmentation.",
    Remedy.LEAVE_OUT: "leave the voxels out (--clip)",
    Remedy.KEEP_VALUES: "keep label values (--keep-values)",
    Remedy.KEEP_EMPTY_FRAMES: "keep empty frames (--keep-empty-frames)",
    Remedy.NOT_STRICT: "export without --strict",
    Remedy.RLE: "the RLE compressed label map (-c rle)",
    Remedy.LABEL_MAP: "the uncompressed label map (-c labelmap)",
    Remedy.UNCOMPRESSED: "uncompressed with one bit a pixel (-c none)",
    Remedy.PER_SEGMENT: "RLE compressed with one file for each segment (-c rle-per-segment)",
    Remedy.ONE_FILE: "With -c none, or -c deflate (3D Slicer 5.10 and newer), all segments are in one file.",
    Remedy.FEWER_SEGMENTS: "export fewer segments at a time (--segment NAME)",
    Remedy.ADD_SEGMENT: "Give one that has a segment; a label map whose voxels are all 0 has none.",
    Remedy.CHOOSE_MEANING: "Give a table with codes (--segments TABLE).",
    Remedy.CHOOSE_MEANING_ANEW: (
        "Choose its meaning anew (--segments TABLE, or the Segmentations module of 3D Slicer)."
    ),
    Remedy.TABLE_OF_NAMES: "Give a table of names (--segments TABLE).",
    Remedy.ALGORITHM: "If a program made them: --algorithm-type AUTOMATIC --algorithm-name NAME.",
    Remedy.ALGORITHM_NAME: "Give the name of the program or model that made them (--algorithm-name NAME).",
    Remedy.ALGORITHM_TYPE: (
        "Choose SEMIAUTOMATIC or AUTOMATIC where a program took part (--algorithm-type), or leave out the name."
    ),
    Remedy.TELL_AGAIN: (
        "what an export is told of the segments beside their file has to be told here, too, in the same options: "
        "--segments, --segment, --mask, --algorithm-type, --algorithm-name, --algorithm-version"
    ),
    Remedy.OVERWRITE: "replace the file (--overwrite)",
    Remedy.OWN_PROOF: "leave out the proof by other programs (--verify own)",
    Remedy.WINDOW: (
        "Give a window (--window CENTRE,WIDTH), or let the COCO file name the DICOM images themselves (no --images)."
    ),
    Remedy.NO_WINDOW: "Leave out --window: images in colour are shown as they are.",
    Remedy.NO_PICTURES: "Let the COCO file name the DICOM images themselves (no --images).",
    Remedy.THRESHOLD: (
        "Give a threshold above 0 and up to 1: with segrle convert --threshold 0.5, for example, pixels of at least "
        "that fraction belong to the segment."
    ),
    Remedy.A_FOLDER: "Export to a folder instead",
    Remedy.SEVERAL_FILES: (
        "Write as many label maps as it takes (--one-file-each), or another format, DICOM SEG for example."
    ),
    Remedy.BY_ITS_NAME: "let segrle convert write what the name says (without --to)",
    Remedy.RESUME: "go on with it (--resume)",
    Remedy.ON_THIS_MACHINE: "let the batch run on this machine (without --dask)",
}

WORDS_OF_BATCH = {
    **WORDS,
    Remedy.NAME_A_SERIES: "Name one with its Series Instance UID: --series-uid UID, or in the column series_uid.",
    Remedy.CHOOSE_SERIES: (
        "Choose the images that were segmented (--series-uid UID, or the columns series, series_uid and volume)"
    ),
    Remedy.ONE_IMAGE: "put that image into a folder of its own and name this folder in the column series",
    Remedy.IMAGES_WITH_UIDS: (
        "Export the images again from the archive or scanner, with their UIDs. For public images that have none, give "
        "the same images as a volume (--volume VOLUME, or in the column volume) and leave the column series empty: "
        "DICOM images are then written to OUT/CASE/images."
    ),
    Remedy.ONE_SPACE: (
        "give all images of the series the same Frame of Reference UID, or give the same images as a volume (--volume "
        "VOLUME, or in the column volume) and leave the column series empty: DICOM images are then written to "
        "OUT/CASE/images."
    ),
    Remedy.RLE: "the RLE compressed label map (--to rle)",
    Remedy.LABEL_MAP: "the uncompressed label map (--to labelmap)",
    Remedy.UNCOMPRESSED: "uncompressed with one bit a pixel (--to none)",
    Remedy.PER_SEGMENT: "RLE compressed with one file for each segment (--to rle-per-segment)",
    Remedy.ONE_FILE: "With --to none, or --to deflate (3D Slicer 5.10 and newer), all segments are in one file.",
    Remedy.OVERWRITE: "move the file away",
    Remedy.THRESHOLD: (
        "Give a threshold above 0 and up to 1 (--threshold 0.5, for example, or in the column threshold): pixels of at "
        "least that fraction belong to the segment."
    ),
    Remedy.WINDOW: (
        "Give a window (--window CENTRE,WIDTH), or let the COCO file name the DICOM images themselves (no "
        "--coco-images)."
    ),
    Remedy.NO_PICTURES: "Let the COCO file name the DICOM images themselves (no --coco-images).",
}
"""`segrle batch` calls some options otherwise, and says of each case what it is made of in a table."""

Words = Mapping[Remedy, str]


def error_text(error: ExportError, words: Words = WORDS) -> str:
    """Return what an error says to a person at a shell."""
    from SegRLEExportLib.errors import PreflightError
    from SegRLEExportLib.model.finding import one_for_each_cause

    if isinstance(error, PreflightError):
        return "\n".join(map(str, one_for_each_cause(findings_in_words(error.findings, words))))
    return worded(str(error), words)


def in_words(result: Any) -> Any:
    """Return a result with its findings or remarks, if it has any, in the words of a shell."""
    if findings := getattr(result, "findings", None):
        return replace(result, findings=findings_in_words(findings))
    if remarks := getattr(result, "remarks", None):
        return replace(result, remarks=tuple(worded(remark, WORDS) for remark in remarks))
    return result


def findings_in_words(findings: Iterable[Finding], words: Words = WORDS) -> tuple[Finding, ...]:
    """Return the findings with what helps in the words of a shell; what they found stays as it is."""
    return tuple(finding.in_words(words) for finding in findings)
