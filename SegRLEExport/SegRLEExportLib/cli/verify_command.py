"""`segrle verify`: whether SEG files show a segmentation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.cli.exit_codes import DIFFERENT
from SegRLEExportLib.cli.inputs import add_command, add_input_arguments, input_path, read_segmentation
from SegRLEExportLib.cli.terminal import print_json, print_text
from SegRLEExportLib.cli.words import in_words

if TYPE_CHECKING:
    from SegRLEExportLib.model.segmentation import Segmentation
    from SegRLEExportLib.model.source_series import SourceSeries

USAGE = "verify FILE [FILE ...] SEGMENTATION [SERIES_DIR] [options]"
EXAMPLE = "verify out Segmentation.seg.nrrd ct-folder"


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "verify", run, USAGE, EXAMPLE)
    parser.add_argument(
        "file",
        type=input_path,
        nargs="+",
        metavar="FILE",
        help="a SEG file, all those of one export, or a folder with those of exports; images may lie there, too",
    )
    add_input_arguments(parser, is_series_needed=False)
    parser.add_argument(
        "--by",
        choices=("own", "others"),
        default="own",
        help="who reads the files: this program (own, default), or also highdicom and dcmqi as 3D Slicer calls it "
        "(others)",
    )


def run(parsed: argparse.Namespace) -> int:
    """Print what differs, for each export that the folder has; the exit code tells whether anything does."""
    from SegRLEExportLib.source.series import find_source

    _take_series_from_the_end(parsed)
    _refuse_exchanged(parsed)
    exports = _exports(parsed.file)
    segmentation = read_segmentation(parsed)
    source = (
        find_source(parsed.series_dir, segmentation, parsed.series, time=parsed.time) if parsed.series_dir else None
    )
    compared = [_compared(paths, segmentation, source, by=parsed.by) for paths in exports]
    if parsed.json:
        print_json(compared[0].to_json() if len(exports) == 1 else {"exports": _by_files(exports, compared)})
    else:
        for paths, one in zip(exports, compared):
            names = f"{', '.join(path.name for path in paths)}: " if len(exports) > 1 else ""
            print_text(f"{names}{one}")
    return 0 if all(one.is_equal for one in compared) else DIFFERENT


def _take_series_from_the_end(parsed: argparse.Namespace) -> None:
    """Of FILE... SEGMENTATION [SERIES_DIR] the parser takes the last for the segmentation, even if it is images."""
    from SegRLEExportLib.reading.folder import is_image

    last: Path = parsed.segmentation
    is_folder = last.is_dir() and not _is_segmentation(last, parsed.file[-1])
    if len(parsed.file) > 1 and (not last.exists() or is_folder or is_image(last)):
        *parsed.file, parsed.segmentation = parsed.file
        parsed.series_dir = last


def _is_segmentation(folder: Path, before: Path) -> bool:
    """Tell whether the last folder is the segmentation: behind a SEG file, and without images."""
    from SegRLEExportLib.reading.folder import has_images
    from SegRLEExportLib.reading.header import is_dicom

    return before.is_file() and is_dicom(before) and not has_images(folder)


def _refuse_exchanged(parsed: argparse.Namespace) -> None:
    """End with the order of words where the segmentation stands before the SEG files, or behind its images."""
    from SegRLEExportLib.reading.header import is_dicom

    first, last = parsed.file[0], parsed.segmentation
    if first.is_file() and not is_dicom(first) and (last.is_dir() or is_dicom(last)):
        parsed.refuse(f"the SEG files come first and the segmentation after them, not {first} before {last}")
    for folder in parsed.file[1:]:
        if last.is_file() and not is_dicom(last) and _has_images_alone(folder):
            parsed.refuse(f"the segmentation comes before the folder of its images, not {folder} before {last}")


def _has_images_alone(folder: Path) -> bool:
    """Tell whether a folder has images, and no SEG file."""
    from SegRLEExportLib.errors import NotASegmentationFileError
    from SegRLEExportLib.reading.folder import exports_at, has_images

    if not folder.is_dir():
        return False
    try:
        exports_at(folder)
    except NotASegmentationFileError:
        return has_images(folder)
    return False


def _exports(files: list[Path]) -> list[list[Path]]:
    """Return the files of each export that a file or folder has, or several that were named one by one."""
    from SegRLEExportLib.reading.folder import exports_at, exports_of

    exports = [paths for file in files for paths in exports_at(file)]
    return exports if len(files) == 1 else exports_of([path for paths in exports for path in paths])


def _compared(paths: list[Path], segmentation: Segmentation, source: SourceSeries | None, *, by: str) -> Any:
    """Return what differs between the files of one export and the segmentation."""
    from SegRLEExportLib.verification.comparison import compare

    comparison = in_words(compare(paths, segmentation, source))
    if by == "own":
        return comparison
    from SegRLEExportLib.other_readers.files_seen import seen_by_others

    return seen_by_others(comparison, paths, segmentation, source)


def _by_files(exports: list[list[Path]], compared: list[Any]) -> list[dict[str, Any]]:
    return [{"files": [str(path) for path in paths], **one.to_json()} for paths, one in zip(exports, compared)]
