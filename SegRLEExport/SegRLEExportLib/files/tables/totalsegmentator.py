"""What TotalSegmentator calls the structures it finds, with their SNOMED CT codes: a table of our own.

The facts (names, values, codes) are those its project publishes; `totalsegmentator.csv` is read like any other table.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from SegRLEExportLib.files.tables.delimited import read_delimited
from SegRLEExportLib.files.tables.row import SegmentTable, plain_name
from SegRLEExportLib.model.counted import first_of
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import AlgorithmType, Segmentation

TABLES = {"totalsegmentator": "total", "totalsegmentator-mr": "total mr"}
"""Names that a caller gives instead of a file, and the column with their values."""

_NUMBERING = {
    "totalsegmentator": "TotalSegmentator 2, task 'total'",
    "totalsegmentator-mr": "TotalSegmentator 2, task 'total_mr'",
}

_NAMES_SHOWN = 3

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
    return SegmentTable(f"the table '{name}'", tuple(rows), may_have_more=True, numbering=_NUMBERING[name])


def with_codes_of_known_names(segmentation: Segmentation, *, has_colors: bool) -> Segmentation:
    """Return the segmentation with codes, and colours if it has none, where every name is known and none is coded."""
    known = {plain_name(row.name): row for row in own_table("totalsegmentator").rows}
    rows = [known.get(plain_name(segment.name)) for segment in segmentation.segments]
    is_coded = any(segment.terminology for segment in segmentation.segments)
    if is_coded or not rows or not all(rows):
        return segmentation
    segments = tuple(
        replace(
            segment,
            terminology=row.terminology,
            color_rgb=segment.color_rgb if has_colors or row.color_rgb is None else row.color_rgb,
        )
        for segment, row in zip(segmentation.segments, rows)
        if row is not None
    )
    found = _known_names(segmentation.name, "All names")
    findings = (*segmentation.findings, found, *_algorithm_not_told(segmentation))
    return replace(segmentation, segments=segments, findings=findings)


def of_names_that_are_left(before: Segmentation, described: Segmentation) -> Segmentation:
    """Return what a table described with the codes of known names where it left these names and told no codes.

    `before` is the same segmentation before that. What was said of its codes is said of those that are left.
    """
    if not any(finding.id == "known-names" for finding in before.findings):
        return described
    pairs = [*zip(before.segments, described.segments)]
    is_left = [
        new.terminology is old.terminology and plain_name(new.name) == plain_name(old.name) for old, new in pairs
    ]
    if all(is_left):
        return described
    segments = tuple(
        replace(new, terminology=None) if new.terminology is old.terminology and not left else new
        for (old, new), left in zip(pairs, is_left)
    )
    told = replace(described.without_finding("known-names"), segments=segments)
    names = [segment.name for segment, left in zip(segments, is_left) if left]
    return replace(told, findings=(*told.findings, _known_names(first_of(names, _NAMES_SHOWN)))) if names else told


def _known_names(where: str, whose: str = "The names") -> Finding:
    return Finding(
        "known-names",
        Severity.NOTE,
        f"{whose} are those of TotalSegmentator, so its SNOMED CT codes are written.",
        where=where,
        help="To write others, give a table with codes.",
    )


def _algorithm_not_told(segmentation: Segmentation) -> Iterator[Finding]:
    """Tell that segments called as a program calls them are taken for drawn by hand, as of all masks and labels."""
    if all(one.algorithm_type is AlgorithmType.MANUAL and not one.algorithm_name for one in segmentation.segments):
        yield Finding(
            "algorithm-not-told",
            Severity.NOTE,
            "The file does not say what made the segments, so MANUAL is written as their Segment Algorithm Type.",
            where=segmentation.name,
            help=Remedy.ALGORITHM.value,
        )
