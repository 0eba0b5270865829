"""What goes to the terminal, or to the program that reads our output: all of it passes here."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from SegRLEExportLib.cli.words import in_words
from SegRLEExportLib.model.printable import printable, printable_lines


def print_result(parsed: argparse.Namespace, result: Any) -> None:
    """Print a result for a person, or as JSON if that was asked for; it has `__str__` and `to_json`."""
    worded = in_words(result)
    if parsed.json:
        print_json(worded.to_json())
    else:
        print_text(str(worded))


def print_text(text: str) -> None:
    """Print lines for a person on standard output; they were made of `printable` parts."""
    _write(sys.stdout, text.split("\n"))


def print_error(text: str) -> None:
    """Print sentences for a person on standard error."""
    _write(sys.stderr, text.split("\n"))


def print_lines(lines: Iterable[str], *, is_error: bool = False) -> None:
    """Print lines for a person, of which each stays one, whatever names stand in it; nothing if there are none."""
    listed = list(lines)
    if listed:
        _write(sys.stderr if is_error else sys.stdout, listed)


def print_json(value: Any) -> None:
    """Print a value as JSON, to be read by people too; what is not printable is written in JSON's own escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=not _takes_all(sys.stdout))
    print("\n".join("".join(_json_escaped(character) for character in line) for line in text.split("\n")))


def _write(stream: TextIO | None, lines: Iterable[str]) -> None:
    r"""Print the lines; what the stream has no letters for is written as escapes such as \xfc."""
    if stream is None:  # closed by who started us
        return
    encoding = stream.encoding or "utf-8"
    safe = printable_lines(lines)
    print(safe.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _takes_all(stream: TextIO | None) -> bool:
    return stream is None or (stream.encoding or "utf-8").lower().replace("-", "") == "utf8"


def _json_escaped(character: str) -> str:
    """Return the character as it may stand in a string of JSON; all that is not printable and not ASCII is in one."""
    if printable(character) == character:
        return character
    return json.dumps(character)[1:-1] if character != "\x7f" else r"\u007f"


class ProgressLine:
    """One line that shows how far it is, on a terminal; nothing elsewhere."""

    _WIDTH = 40

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None and stream.isatty() else None

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *details: object) -> None:
        self._show("")

    def update(self, fraction: float, stage: str) -> None:
        """Show a fraction from 0 to 1, and what is being done."""
        done = round(fraction * self._WIDTH)
        self._show(f"[{'#' * done}{'.' * (self._WIDTH - done)}] {fraction:4.0%} {printable(stage)}")

    def _show(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
