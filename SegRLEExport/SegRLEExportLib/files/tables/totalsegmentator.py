"""What TotalSegmentator calls the structures it finds, with their SNOMED CT codes: a table of our own.

The facts (names, values, codes) are those its project publishes; `totalsegmentator.csv` is read like any other table.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from SegRLEExportLib.files.tables.delimited import read_delimited
from SegRLEExportLib.files.tables.row import SegmentRow, SegmentTable, plain_name
from SegRLEExportLib.model.segmentation import Segmentation

TABLES = {"totalsegmentator": "total", "totalsegmentator-mr": "total mr"}
"""Names that a caller gives instead of a file, and the column with their values."""

_FILE = Path(__file__).with_name("totalsegmentator.csv")


@lru_cache(maxsize=len(TABLES))
def own_table(name: str) -> SegmentTable:
    """Return the table of that name: rows with the values of its task first, then what other tasks find, by name."""
    text = _FILE.read_text(encoding="utf-8")
    with_values = {row["name"]: row[TABLES[name]] for row in csv.DictReader(text.splitlines())}
    rows = [
        replace(row, value=int(value) if (value := with_values[row.name]) else None)
        for row in read_delimited(text, name).rows
    ]
    return SegmentTable(f"the table '{name}'", tuple(rows), may_have_more=True)


def table_where_all_are_known(segmentation: Segmentation) -> SegmentTable | None:
    """Return the table, by names alone, if every segment has a name of it and none is coded; or else None."""
    known = {plain_name(row.name): row for row in own_table("totalsegmentator").rows}
    rows: list[SegmentRow] = []
    for segment in segmentation.segments:
        row = known.get(plain_name(segment.name))
        if row is None or segment.terminology is not None:
            return None
        rows.append(replace(row, value=None, name=""))
    return SegmentTable("the table 'totalsegmentator'", tuple(rows)) if rows else None
