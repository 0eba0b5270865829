"""`segrle verify`: whether SEG files show a segmentation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from SegRLEExportLib.cli.exit_codes import DIFFERENT
from SegRLEExportLib.cli.inputs import add_command, add_input_arguments, read_segmentation
from SegRLEExportLib.cli.terminal import print_result


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "verify", run, "compare a SEG, or a folder of them, with a segmentation")
    parser.add_argument("file", type=Path, metavar="FILE")
    add_input_arguments(parser, is_series_needed=False)
    parser.add_argument(
        "--by",
        choices=("own", "others"),
        default="own",
        help="others: let also highdicom, and dcmqi as 3D Slicer calls it, read the files",
    )


def run(parsed: argparse.Namespace) -> int:
    """Print what differs; the exit code tells whether anything does."""
    from SegRLEExportLib.errors import NotASegmentationFileError
    from SegRLEExportLib.source.series import find_source
    from SegRLEExportLib.verification.comparison import compare

    segmentation = read_segmentation(parsed)
    source = (
        find_source(parsed.series_dir, segmentation, parsed.series, time=parsed.time) if parsed.series_dir else None
    )
    paths = sorted(parsed.file.glob("*.dcm")) if parsed.file.is_dir() else [parsed.file]
    if not paths:
        raise NotASegmentationFileError(parsed.file, "the folder has no .dcm file")
    comparison = compare(paths, segmentation, source)
    if parsed.by == "others":
        from SegRLEExportLib.other_readers.files_seen import seen_by_others

        seen = seen_by_others(comparison, paths, segmentation, source)
        print_result(parsed, seen)
        return 0 if seen.is_equal else DIFFERENT
    print_result(parsed, comparison)
    return 0 if comparison.is_equal else DIFFERENT
