"""The parser of all commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

import SegRLEExportLib
from SegRLEExportLib.cli.batch_command import add_parser as add_batch
from SegRLEExportLib.cli.boundary import exit_code_of
from SegRLEExportLib.cli.convert_command import add_parser as add_convert
from SegRLEExportLib.cli.exit_codes import REFUSED
from SegRLEExportLib.cli.export_command import add_parser as add_export
from SegRLEExportLib.cli.forecast_command import add_parser as add_forecast
from SegRLEExportLib.cli.inspect_command import add_parser as add_inspect
from SegRLEExportLib.cli.terminal import print_error
from SegRLEExportLib.cli.verify_command import add_parser as add_verify
from SegRLEExportLib.model.printable import printable

COMMANDS = (add_export, add_convert, add_forecast, add_inspect, add_verify, add_batch)
"""Each adds the parser of a command, which names its `run(parsed)`, which returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    return exit_code_of(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    if not words:
        print_error(parser().format_help().rstrip())
        return REFUSED
    parsed = parser().parse_args(words)
    exit_code: int = parsed.command(parsed)
    return exit_code


class _Parser(argparse.ArgumentParser):
    """One that repeats what was typed, file names above all, only as a terminal may see it."""

    def error(self, message: str) -> NoReturn:
        super().error(f"{printable(message)}; '{self.prog} --help' tells more")


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; what it parsed has `command`, to be called with it."""
    made = _Parser(
        prog="segrle",
        description="Write segmentations as DICOM SEG or other files, and prove each by reading it back.",
        epilog="example: segrle export Segmentation.seg.nrrd ct-folder -o out; "
        "'segrle COMMAND --help' tells what a command can do",
    )
    made.add_argument("--version", action="version", version=f"segrle {SegRLEExportLib.__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return made
