"""`segrle`: one file for each command, one parser and boundary around them.

Libraries are imported by the command that needs them, so that `--help` is instant.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from SegRLEExportLib.cli.exit_codes import INTERRUPTED

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code. Ctrl-C while the parser is imported finds nothing begun."""
    try:
        from SegRLEExportLib.cli import entry
    except KeyboardInterrupt:
        print("Interrupted. Nothing was begun.", file=sys.stderr)
        return INTERRUPTED
    return entry.main(arguments)
