"""The parser of all commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

import SegRLEExportLib
from SegRLEExportLib.cli.boundary import exit_code_of
from SegRLEExportLib.cli.commands import COMMANDS
from SegRLEExportLib.cli.exit_codes import REFUSED
from SegRLEExportLib.cli.parsing import CarefulParser
from SegRLEExportLib.cli.terminal import print_error
from SegRLEExportLib.cli.unused_options import refuse_unused
from SegRLEExportLib.model.printable import printable

_NEAR = 0.75
"""How alike, of 1, two names of options are that are taken for each other."""


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
        parsed.refuse(f"unrecognized arguments: {' '.join(unknown)}{_what_was_meant(parsed, unknown)}")
    refuse_unused(parsed)
    exit_code: int = parsed.command(parsed)
    return exit_code


def _what_was_meant(parsed: argparse.Namespace, unknown: Sequence[str]) -> str:
    """Return an option that is called nearly so, or for files where they stand, as a clause; empty if neither helps."""
    options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    if not options:
        return f"; {parsed.of_more_words}"
    near = get_close_matches(options[0], parsed.options(), n=1, cutoff=_NEAR)
    return f"; is {near[0]} meant?" if near else ""


class _Parser(CarefulParser):
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
