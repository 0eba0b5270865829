"""The parser of all commands, and the boundary where errors become sentences and exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import SegRLEExportLib
from SegRLEExportLib.cli.exit_codes import INTERRUPTED, REFUSED
from SegRLEExportLib.cli.export_command import add_parser as add_export
from SegRLEExportLib.cli.forecast_command import add_parser as add_forecast
from SegRLEExportLib.cli.inspect_command import add_parser as add_inspect
from SegRLEExportLib.cli.verify_command import add_parser as add_verify

COMMANDS = (add_export, add_forecast, add_inspect, add_verify)
"""Each adds the parser of a command, which names its `run(parsed)`, which returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parsed = parser().parse_args(arguments)
    from SegRLEExportLib.errors import ExportError

    try:
        exit_code: int = parsed.command(parsed)
    except ExportError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("Interrupted. No file was left behind.", file=sys.stderr)
        return INTERRUPTED
    return exit_code


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; what it parsed has `command`, to be called with it."""
    made = argparse.ArgumentParser(
        prog="segrle", description="Write 3D Slicer segmentations as DICOM SEG, and prove it by reading back."
    )
    made.add_argument("--version", action="version", version=f"segrle {SegRLEExportLib.__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return made
