"""A table put onto a segmentation: names, codes, colours and algorithm of the segments that its rows mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from SegRLEExportLib.files.tables.row import SegmentRow, SegmentTable, plain_name
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.segmentation import AlgorithmType, Segment, Segmentation

_NAMELESS = re.compile(r"Label \d+")
"""What a segment of a label map is called that nobody named."""

_MOST_SHOWN = 5


def described(segmentation: Segmentation, table: SegmentTable) -> Segmentation:
    """Return the segmentation with what the table says of its segments, and findings for what does not meet.

    Where the segments have names and the table has some of those, names tell which row is meant; or else the label
    value does, but of masks, which have none. What a row leaves empty stays as it was.
    """
    row_of = _rows_of(segmentation, table)
    segments = tuple(
        _with_row(segment, row_of[segment.id]) if segment.id in row_of else segment for segment in segmentation.segments
    )
    found = (*_by_number(segmentation, table, row_of), *_unmet(segmentation, table, row_of))
    findings = (*segmentation.findings, *table.findings, *found)
    return replace(segmentation, segments=segments, findings=findings)


def tells_algorithms(segmentation: Segmentation, table: SegmentTable) -> bool:
    """Tell whether the table says of any of the segments how it was made."""
    return any(row.algorithm_type for row in _rows_of(segmentation, table).values())


def with_algorithm(
    segmentation: Segmentation, algorithm_type: AlgorithmType | None, name: str = "", version: str = ""
) -> Segmentation:
    """Return the segmentation with that algorithm for all segments; what is empty stays as it was.

    The version stands behind the name in Segment Algorithm Name (0062,0009): a place of its own (0062,0007) demands
    a code for the family of the algorithm, which nobody told.
    """
    row = SegmentRow(algorithm_type=algorithm_type, algorithm_name=" ".join(filter(None, (name, version))))
    told = segmentation.without_finding("algorithm-not-told") if algorithm_type else segmentation
    return replace(told, segments=tuple(_with_row(segment, row) for segment in segmentation.segments))


def _rows_of(segmentation: Segmentation, table: SegmentTable) -> dict[str, SegmentRow]:
    """Return the row of each segment that has one, by segment ID."""
    by_value = {row.value: row for row in table.rows if row.value is not None}
    by_name = _by_name(table)
    named = {
        segment.id: by_name[plain_name(segment.name)]
        for segment in segmentation.segments
        if plain_name(segment.name) in by_name and not _NAMELESS.fullmatch(segment.name)
    }
    values_count = (segmentation.has_values and len(segmentation.layers) == 1) and all(
        segment.layer_value == named[segment.id].value for segment in segmentation.segments if segment.id in named
    )
    if not values_count:
        return named
    taken = {row.value for row in named.values()}
    by_its_value = {
        segment.id: by_value[segment.layer_value]
        for segment in segmentation.segments
        if segment.layer_value in by_value and segment.layer_value not in taken
    }
    return by_its_value | named


def _by_name(table: SegmentTable) -> Mapping[str, SegmentRow]:
    """Return the rows by name, those alone whose name is no other's."""
    by_name: dict[str, list[SegmentRow]] = {}
    for row in table.rows:
        by_name.setdefault(plain_name(row.name), []).append(row)
    return {name: rows[0] for name, rows in by_name.items() if name and len(rows) == 1}


def _with_row(segment: Segment, row: SegmentRow) -> Segment:
    return replace(
        segment,
        name=row.name or segment.name,
        terminology=row.terminology or segment.terminology,
        code_faults=() if row.terminology else segment.code_faults,
        color_rgb=segment.color_rgb if row.color_rgb is None else row.color_rgb,
        description=row.description or segment.description,
        algorithm_type=row.algorithm_type or segment.algorithm_type,
        algorithm_name=row.algorithm_name or segment.algorithm_name,
    )


def _by_number(segmentation: Segmentation, table: SegmentTable, row_of: Mapping[str, SegmentRow]) -> Iterator[Finding]:
    numbered = [
        segment
        for segment in segmentation.segments
        if segment.id in row_of and plain_name(row_of[segment.id].name) != plain_name(segment.name)
    ]
    if not table.numbering:
        numbered = [segment for segment in numbered if not _NAMELESS.fullmatch(segment.name)]
    if numbered:
        whose = f"as {table.numbering} numbers them" if table.numbering else "whatever the segments were called"
        values = _some([f"{row_of[segment.id].value} {row_of[segment.id].name}" for segment in numbered])
        yield Finding(
            "named-by-value",
            Severity.NOTE,
            f"The label values alone told which structures are meant, {whose}: {values}.",
            where=segmentation.name,
            help="If another release or task made the label map, give a table of its values.",
        )


def _unmet(segmentation: Segmentation, table: SegmentTable, row_of: Mapping[str, SegmentRow]) -> Iterator[Finding]:
    key = "value or the name" if segmentation.has_values else "name"
    without = [segment.name for segment in segmentation.segments if segment.id not in row_of]
    if without:
        yield Finding(
            "segment-without-row",
            Severity.WARNING,
            f"{_some(without)} {'have' if len(without) > 1 else 'has'} no row in the table, so nothing is said of "
            f"{'them' if len(without) > 1 else 'it'}.",
            where=table.source,
            help=f"Add a row with the {key}, if the segment should be described.",
        )
    used = [id(row) for row in row_of.values()]
    unused = [str(row) for row in table.rows if id(row) not in used]
    if unused and not table.may_have_more:
        yield Finding(
            "row-without-segment",
            Severity.NOTE,
            f"No segment has the {key} of {'this row' if len(unused) == 1 else 'these rows'}: {_some(unused)}.",
            where=table.source,
        )


def _some(names: list[str]) -> str:
    shown = ", ".join(f"'{name[:60]}'" for name in names[:_MOST_SHOWN])
    return f"{shown} and {counted(len(names) - _MOST_SHOWN, 'other')}" if len(names) > _MOST_SHOWN else shown
