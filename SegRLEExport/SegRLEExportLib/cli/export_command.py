"""`segrle export`: write a segmentation as DICOM SEG."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from SegRLEExportLib.cli.inputs import (
    ENCODING_IDS,
    add_command,
    add_input_arguments,
    add_option_arguments,
    add_volume_arguments,
    read_options,
    read_segmentation,
    source_of,
)
from SegRLEExportLib.cli.terminal import ProgressLine, print_result

EXAMPLE = "export Segmentation.seg.nrrd ct-folder -o out"


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "export", run, "write a segmentation as DICOM SEG", EXAMPLE)
    add_input_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="a file (NAME.dcm), or a folder, made where it is not there",
    )
    parser.add_argument(
        "-c",
        "--compression",
        choices=ENCODING_IDS,
        default=ENCODING_IDS[0],
        metavar="ENCODING",
        help=f"{', '.join(ENCODING_IDS)}; default: {ENCODING_IDS[0]}; segrle forecast tells the size of each",
    )
    add_option_arguments(parser)
    add_volume_arguments(parser)


def run(parsed: argparse.Namespace) -> int:
    """Export, and print the report."""
    from SegRLEExportLib.export import export
    from SegRLEExportLib.writing.pending_files import PendingFiles

    segmentation, options = read_segmentation(parsed), read_options(parsed)
    with PendingFiles(overwrite=options.overwrite) as files, ProgressLine(sys.stderr) as line:
        source = source_of(parsed, segmentation, files)
        report = export(segmentation, source, parsed.output, options=options, progress=line.update, files=files)
    print_result(parsed, report)
    return 0
