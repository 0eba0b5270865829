"""What goes to the terminal."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def print_result(parsed: argparse.Namespace, result: Any) -> None:
    """Print a result for a person, or as JSON if that was asked for; it has `__str__` and `to_json`."""
    if parsed.json:
        print_json(result.to_json())
    else:
        print(result)


def print_json(value: dict[str, Any]) -> None:
    """Print a value as JSON, to be read by people too."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    print()


class ProgressLine:
    """One line that shows how far it is, on a terminal; nothing elsewhere."""

    _WIDTH = 40

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_shown = stream.isatty()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *details: object) -> None:
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def update(self, fraction: float, stage: str) -> None:
        """Show a fraction from 0 to 1, and what is being done."""
        if self._is_shown:
            done = round(fraction * self._WIDTH)
            self._stream.write(f"\r\x1b[K[{'#' * done}{'.' * (self._WIDTH - done)}] {fraction:4.0%} {stage}")
            self._stream.flush()
