"""What helps, in words of no door: each door has a table of its own words for it.

Errors and findings write a remedy into their sentences (`f"Segment something, or {Remedy.KEEP_EMPTY_FRAMES}."`). A
script without Slicer reads it as it stands here, with what `ExportOptions` calls it; a shell says the option instead
(`cli/words.py`), Slicer's console the argument (`slicer_side/console/words.py`), a window what can be pressed or ticked
(`slicer_side/dialog/words.py`). A sentence whose advice is the same everywhere needs no remedy.

A new remedy gets a line here and one in each door's table; `test_remedies.py` tells which is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Remedy(str, Enum):
    """Something that helps and is done in another way at each door: a piece of a sentence, or a whole one."""

    __str__ = str.__str__

    NAME_A_SERIES = "Name one with its Series Instance UID."
    CHOOSE_SERIES = "Choose the series that was segmented"
    IMAGES_FOLDER = "Give the folder with the DICOM files of the images that were segmented."
    ONE_VOLUME = "Give the images of one volume alone, or in Slicer the volume that was segmented."
    OTHER_TIME = "If another time is meant, give its images alone, or in Slicer the volume that was segmented."
    IMAGES_OF_ONE = "Give only the images of one"
    """Patient or study."""
    ONE_IMAGE = "give that image alone"
    IMAGES_WITH_UIDS = "Export the images again from the archive or scanner, with their UIDs."
    ONE_SPACE = "give all images of the series the same Frame of Reference UID."

    OWN_GRID = "export on the segmentation's own grid (grid='segmentation' in ExportOptions)"
    OWN_GRID_OPENS = "The segmentation's own grid opens there"
    IMAGES_GRID = "Use the grid of the source images."
    LEAVE_OUT = "leave the voxels out (clip=True in ExportOptions)"
    KEEP_VALUES = "keep label values (keep_values=True in ExportOptions)"
    KEEP_EMPTY_FRAMES = "keep empty frames (keep_empty_frames=True in ExportOptions)"
    NOT_STRICT = "export without strict=True in ExportOptions"

    RLE = "the RLE compressed label map (compression='rle')"
    LABEL_MAP = "the uncompressed label map (compression='labelmap')"
    UNCOMPRESSED = "uncompressed with one bit a pixel (compression='none')"
    PER_SEGMENT = "RLE compressed with one file for each segment (compression='rle-per-segment')"
    ONE_FILE = "As bits, uncompressed or (3D Slicer 5.10 and newer) deflated, all segments are in one file."
    FEWER_SEGMENTS = "export fewer segments at a time"

    ADD_SEGMENT = "Add a segment, or choose segments that the segmentation has."
    CHOOSE_MEANING = (
        "In Slicer, choose a meaning in the Segmentations module (double-click the segment's colour), or give a table."
    )
    CHOOSE_MEANING_ANEW = (
        "Choose its meaning anew (in Slicer in the Segmentations module, double-click the segment's colour)."
    )
    TABLE_OF_NAMES = "Give a table of names."
    ALGORITHM = "If a program made them, give algorithm type and name."
    ALGORITHM_NAME = "Give the name of the program or model that made them."
    ALGORITHM_TYPE = "Choose SEMIAUTOMATIC or AUTOMATIC where a program took part."
    TELL_AGAIN = "what an export is told of the segments beside their file has to be told to the comparison, too"

    OVERWRITE = "ask for overwriting (overwrite=True in ExportOptions)"
    OWN_PROOF = "leave out the proof by other programs (verify='own' in ExportOptions)"
    WINDOW = "Give a window, or let the COCO file name the DICOM images themselves."
    NO_WINDOW = "Give none: images in colour are shown as they are."
    NO_PICTURES = "Let the COCO file name the DICOM images themselves."
    THRESHOLD = "Give a threshold above 0 and up to 1: pixels of at least that fraction belong to the segment."
    A_FOLDER = "Export to a folder instead"
    SEVERAL_FILES = "Write as many label maps as it takes, or another format, DICOM SEG for example."
    BY_ITS_NAME = "let convert() write what the name says"
    RESUME = "resume the batch (resume=True)"
    ON_THIS_MACHINE = "let the batch run on this machine"


def worded(text: str, words: Mapping[Remedy, str]) -> str:
    """Return the text with its remedies in the words of a door."""
    for remedy in Remedy:
        text = text.replace(remedy.value, words[remedy])
    return text
