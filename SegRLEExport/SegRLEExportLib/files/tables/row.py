"""What a table says of one segment, and what is wrong with a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from SegRLEExportLib.model.finding import Finding
from SegRLEExportLib.model.segmentation import AlgorithmType, Segment
from SegRLEExportLib.model.terminology import SegmentTerminology

LARGEST_VALUE = 65535

Color = tuple[float, float, float]
"""Red, green and blue, each 0 to 1."""


class TableFaultError(Exception):
    """Why a table cannot be used, as a clause, and the line of the file, from 1; 0 if it is none of one line."""

    def __init__(self, reason: str, line: int = 0) -> None:
        self.line = line
        super().__init__(reason)


@dataclass(frozen=True)
class SegmentRow:
    """What a table says of one segment; None and empty where it says nothing."""

    value: int | None = None
    """The label value; None: the name alone tells which segment is meant."""
    name: str = ""
    terminology: SegmentTerminology | None = None
    color_rgb: Color | None = None
    description: str = ""
    algorithm_type: AlgorithmType | None = None
    algorithm_name: str = ""
    """With the version behind it, if there is one: DICOM has no place for a version alone."""
    line: int = 0
    """Where it stands in the file, from 1; 0 in a format without lines."""

    def __str__(self) -> str:
        return " ".join(part for part in ("" if self.value is None else str(self.value), self.name) if part)


@dataclass(frozen=True)
class SegmentTable:
    """The rows of a table, no value twice."""

    source: str
    """What a finding calls it: the file's name, or that of a table of our own."""
    rows: tuple[SegmentRow, ...]
    findings: tuple[Finding, ...] = ()
    """What reading it had to say."""
    may_have_more: bool = False
    """Whether it lists what there can be, not what there is: rows without a segment are then no news."""
    numbering: str = ""
    """Whose label values its rows have, where those were numbered otherwise in another release; else empty."""


def row_of(segment: Segment, value: int | None = None) -> SegmentRow:
    """Return what a segment says of itself; `value` is its label where that is another than in its layer."""
    return SegmentRow(
        segment.layer_value if value is None else value,
        segment.name,
        segment.terminology,
        segment.color_rgb,
        segment.description,
        segment.algorithm_type,
        segment.algorithm_name,
    )


def checked(rows: Iterable[SegmentRow]) -> tuple[SegmentRow, ...]:
    """Return the rows; raise `TableFaultError` if there is none, or two are of one value, or of one name alone."""
    taken: dict[int | str, SegmentRow] = {}
    checked_rows = tuple(rows)
    if not checked_rows:
        raise TableFaultError("it has no row")
    for row in checked_rows:
        key = plain_name(row.name) if row.value is None else row.value
        if key in taken:
            what = f"the value {row.value}" if row.value is not None else f"'{row.name[:60]}'"
            first = f", first in line {taken[key].line}" if taken[key].line else ""
            raise TableFaultError(f"{what} comes twice{first}", row.line)
        taken[key] = row
    return checked_rows


def label_value(text: str, line: int) -> int:
    """Return the label value that a text is, 0 to 65535; raise `TableFaultError`."""
    if not re.fullmatch(r"\d{1,9}", text.strip()) or int(text) > LARGEST_VALUE:
        raise TableFaultError(f"'{text[:40]}' is no label value, a whole number from 0 to {LARGEST_VALUE}", line)
    return int(text)


def plain_name(name: str) -> str:
    """Return a name as it is compared: without regard to case, blanks, underscores and hyphens."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
