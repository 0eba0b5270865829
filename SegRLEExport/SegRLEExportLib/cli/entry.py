"""The parser of all commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from typing import NoReturn

import SegRLEExportLib
from SegRLEExportLib.cli.boundary import exit_code_of
from SegRLEExportLib.cli.commands import COMMANDS
from SegRLEExportLib.cli.exit_codes import REFUSED
from SegRLEExportLib.cli.terminal import print_error
from SegRLEExportLib.cli.unused_options import refuse_unused
from SegRLEExportLib.model.printable import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    return exit_code_of(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    if not words:
        print_error(parser(whole=words).format_help().rstrip())
        return REFUSED
    parsed, unknown = parser(whole=words).parse_known_args(words)
    if unknown:
        is_option = any(word.startswith("-") for word in unknown)
        told = "" if is_option else f"; {parsed.of_more_words}"
        parsed.refuse(f"unrecognized arguments: {' '.join(unknown)}{told}")
    refuse_unused(parsed)
    exit_code: int = parsed.command(parsed)
    return exit_code


class _Parser(argparse.ArgumentParser):
    """One that repeats what was typed, file names above all, only as a terminal may see it."""

    def error(self, message: str) -> NoReturn:
        super().error(f"{printable(message)}; '{self.prog} --help' tells more")


def parser(whole: Collection[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of all commands; what it parsed has `command`, to be called with it.

    Only the commands in `whole` have their arguments; importing and building those of all takes as long as a start.
    """
    made = _Parser(
        prog="segrle",
        description="Write segmentations as DICOM SEG or other files, and prove each by reading it back.",
        epilog="example: segrle export Segmentation.seg.nrrd ct-folder -o out; "
        "'segrle COMMAND --help' tells what a command can do",
    )
    made.add_argument("--version", action="version", version=f"segrle {SegRLEExportLib.__version__}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        if name in whole:
            import_module(f"SegRLEExportLib.cli.{name}_command").add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    return made
