"""`segrle inspect`: what a SEG file of any program is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from SegRLEExportLib.cli.exit_codes import DIFFERENT
from SegRLEExportLib.cli.inputs import add_command
from SegRLEExportLib.cli.terminal import print_result


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "inspect", run, "tell what a SEG file is, of any program")
    parser.add_argument("file", type=Path, metavar="FILE")


def run(parsed: argparse.Namespace) -> int:
    """Print what the file is; the exit code tells of faults."""
    from SegRLEExportLib.reading.inspection import inspect

    inspection = inspect(parsed.file)
    print_result(parsed, inspection)
    return DIFFERENT if inspection.faults else 0
