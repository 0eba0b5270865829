"""`segrle forecast`: how large each encoding would be."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.cli.inputs import (
    ENCODING_IDS,
    ONE_SEGMENTATION,
    add_command,
    add_input_arguments,
    add_shape_arguments,
    add_text_arguments,
    read_options,
    read_segmentation,
)
from SegRLEExportLib.cli.terminal import ProgressLine, print_json, print_lines, print_text
from SegRLEExportLib.cli.words import findings_in_words, in_words
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding, one_for_each_cause

if TYPE_CHECKING:
    from SegRLEExportLib.forecast import Forecast

USAGE = "forecast SEGMENTATION SERIES_DIR [options]"
EXAMPLE = "forecast Segmentation.seg.nrrd ct-folder"


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "forecast", run, USAGE, EXAMPLE, of_more_words=ONE_SEGMENTATION)
    add_input_arguments(parser)
    parser.set_defaults(compression=ENCODING_IDS[0], verify="off", overwrite=False)
    add_text_arguments(parser)
    add_shape_arguments(parser.add_argument_group("how it would be written"))


def run(parsed: argparse.Namespace) -> int:
    """Print the size of each encoding, the one that is recommended, and what an export in it would say."""
    from SegRLEExportLib.forecast import forecast, recommend
    from SegRLEExportLib.source.series import find_source

    segmentation = read_segmentation(parsed)
    source = find_source(parsed.series_dir, segmentation, parsed.series, time=parsed.time)
    with ProgressLine(sys.stderr) as line:
        measured = forecast(segmentation, source, read_options(parsed), progress=line.update)
    advice = recommend(measured, has_place=source.stack.has_place)
    if parsed.json:
        recommended = {"compression": advice.plan.id, "reason": advice.reason}
        worded = [in_words(one).to_json() for one in measured]
        print_json({"forecasts": worded, "recommended": recommended})
        return 0
    print_lines(_line(one) for one in measured)
    print_lines(f"refused: {error.where}: {error.what} {error.help}" for error in _refusals(measured))
    print_text(f"Recommended: {advice.plan.id}: {advice.reason}.")
    chosen = next(one for one in measured if one.plan is advice.plan)
    print_lines(f"  {finding}" for finding in one_for_each_cause(findings_in_words(chosen.findings)))
    return 0


def _line(measured: Forecast) -> str:
    """Return the row of an encoding."""
    title = measured.plan.title
    if measured.errors:
        return f"{measured.plan.id:17} {'refused':>18}        {'':7}  {'':13}  {title}"
    size = f"{'' if measured.is_exact else 'about '}{measured.bytes:,}"
    files, frames = counted(measured.files, "file"), counted(measured.frames, "frame")
    return f"{measured.plan.id:17} {size:>18} bytes  {files:7}  {frames:>13}  {title}"


def _refusals(measured: Sequence[Forecast]) -> list[Finding]:
    """Return why encodings are refused, one for each cause, with the ids of those that it concerns."""
    of_encodings = (replace(error, where=one.plan.id) for one in measured for error in one.errors)
    return one_for_each_cause(findings_in_words(of_encodings))
