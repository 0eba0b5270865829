"""`segrle inspect`: what SEG files of any program are."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.cli.exit_codes import DIFFERENT, REFUSED
from SegRLEExportLib.cli.inputs import add_command, input_path
from SegRLEExportLib.cli.terminal import print_error, print_json, print_text

if TYPE_CHECKING:
    from SegRLEExportLib.reading.inspection import Inspection

USAGE = "inspect FILE [FILE ...] [--json]"
EXAMPLE = "inspect out"


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "inspect", run, USAGE, EXAMPLE)
    parser.add_argument(
        "places",
        type=input_path,
        nargs="+",
        metavar="FILE",
        help="a SEG file, or a folder that holds some; may be repeated",
    )


def run(parsed: argparse.Namespace) -> int:
    """Print what each file is; the exit code tells of faults, and of files that could not be read."""
    is_one = len(parsed.places) == 1 and not parsed.places[0].is_dir()
    found: list[dict[str, Any]] = []
    exit_code = 0
    for inspection in _inspections(parsed.places):
        if inspection is None:
            exit_code = REFUSED
            continue
        exit_code = max(exit_code, DIFFERENT if inspection.faults else 0)
        found.append(inspection.to_json())
        if not parsed.json:
            print_text(str(inspection))
    if parsed.json and (found or not is_one):
        print_json(found[0] if is_one else {"files": found})
    return exit_code


def _inspections(places: list[Path]) -> Iterator[Inspection | None]:
    """Yield what each file is; None for one that could not be read, after saying so."""
    from SegRLEExportLib.errors import NotASegmentationFileError
    from SegRLEExportLib.reading.folder import seg_files_of
    from SegRLEExportLib.reading.inspection import inspect

    for place in places:
        try:
            paths = seg_files_of(place)
        except NotASegmentationFileError as error:
            print_error(str(error))
            yield None
            continue
        for path in paths:
            try:
                inspection = inspect(path)
            except NotASegmentationFileError as error:
                print_error(str(error))
                yield None
            else:
                yield inspection
