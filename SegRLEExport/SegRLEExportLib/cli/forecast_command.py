"""`segrle forecast`: how large each encoding would be."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from SegRLEExportLib.cli.inputs import (
    ENCODING_IDS,
    add_command,
    add_input_arguments,
    add_shape_arguments,
    add_text_arguments,
    read_options,
    read_segmentation,
)
from SegRLEExportLib.cli.terminal import ProgressLine, print_json, print_text
from SegRLEExportLib.model.counted import counted

USAGE = "forecast SEGMENTATION SERIES_DIR [options]"
EXAMPLE = "forecast Segmentation.seg.nrrd ct-folder"


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "forecast", run, USAGE, EXAMPLE)
    add_input_arguments(parser)
    parser.set_defaults(compression=ENCODING_IDS[0], verify="off", overwrite=False)
    add_text_arguments(parser)
    add_shape_arguments(parser.add_argument_group("how it would be written"))


def run(parsed: argparse.Namespace) -> int:
    """Print the size of each encoding, and the one that is recommended."""
    from SegRLEExportLib.forecast import forecast, recommend
    from SegRLEExportLib.source.series import find_source

    segmentation = read_segmentation(parsed)
    source = find_source(parsed.series_dir, segmentation, parsed.series, time=parsed.time)
    with ProgressLine(sys.stderr) as line:
        measured = forecast(segmentation, source, read_options(parsed), progress=line.update)
    advice = recommend(measured, has_place=source.stack.has_place)
    if parsed.json:
        recommended = {"compression": advice.plan.id, "reason": advice.reason}
        print_json({"forecasts": [one.to_json() for one in measured], "recommended": recommended})
        return 0
    for one in measured:
        size = f"{'' if one.is_exact else 'about '}{one.bytes:,}"
        files = f"{counted(one.files, 'file'):7}"
        print_text(f"{one.plan.id:17} {size:>18} bytes  {files}  {one.frames:>6} frames  {one.plan.title}")
    print_text(f"Recommended: {advice.plan.id}: {advice.reason}.")
    return 0
