"""The table that `segrle convert` writes beside a label map, or into a folder of masks: told of, not read unasked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from SegRLEExportLib.errors import SegmentTableError
from SegRLEExportLib.files.tables.read import read_table
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy

TABLE_OF_MASKS = "segments.csv"
"""In a folder of masks."""


def told_of_table(table: Path, where: Path) -> Iterator[Finding]:
    """Tell of a table that lies where `segrle convert` would have put that of `where`: its names were not taken."""
    if table.is_file() and _is_table(table):
        yield Finding(
            "table-not-read",
            Severity.NOTE,
            f"The table {table.name} beside it was not read.",
            where=where.name,
            help=Remedy.TABLE_OF_NAMES.value,
        )


def _is_table(path: Path) -> bool:
    try:
        read_table(path)
    except SegmentTableError:
        return False
    return True
