"""`segrle`: one file for each command, one parser and boundary around them.

Libraries are imported by the command that needs them, so that `--help` is instant.
"""

from SegRLEExportLib.cli.entry import main

__all__ = ["main"]
