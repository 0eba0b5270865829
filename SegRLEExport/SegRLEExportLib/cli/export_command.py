"""`segrle export`: write a segmentation as DICOM SEG."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.cli.inputs import (
    ENCODING_IDS,
    ONE_SEGMENTATION,
    add_command,
    add_input_arguments,
    add_option_arguments,
    add_volume_arguments,
    output_name,
    read_options,
    read_segmentation,
    source_of,
)
from SegRLEExportLib.cli.terminal import ProgressLine, print_result
from SegRLEExportLib.cli.unused_options import OF_EXPORT

if TYPE_CHECKING:
    from SegRLEExportLib.progress import ProgressCallback
    from SegRLEExportLib.report import Report

USAGE = "export SEGMENTATION SERIES_DIR -o OUT [options]"
EXAMPLE = "export Segmentation.seg.nrrd ct-folder -o out"


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "export", run, USAGE, EXAMPLE, needs=OF_EXPORT, of_more_words=ONE_SEGMENTATION)
    add_input_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=output_name,
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
    with ProgressLine(sys.stderr) as line:
        report = exported(parsed, line.update)
    print_result(parsed, report)
    return 0


def exported(parsed: argparse.Namespace, progress: ProgressCallback | None = None) -> Report:
    """Write what was asked for; return the report."""
    from SegRLEExportLib.export import export
    from SegRLEExportLib.writing.pending_files import PendingFiles

    segmentation, options = read_segmentation(parsed), read_options(parsed)
    with PendingFiles(overwrite=options.overwrite) as files:
        source = source_of(parsed, segmentation, files)
        return export(segmentation, source, parsed.output, options=options, progress=progress, files=files)
