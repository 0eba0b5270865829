"""Lists of labels and colours, one a line: 3D Slicer's colour table (.ctbl, .txt) and ITK-SNAP's label file.

Slicer's new colour tables, .csv with codes, are read as any table with a header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from SegRLEExportLib.files.tables.colors import color_of_parts
from SegRLEExportLib.files.tables.row import SegmentRow, SegmentTable, TableFaultError, checked, label_value

_NUMBER = r"[-+.\deE]+"

_NAME = r'"(?P<quoted>[^"]*)"|(?P<name>\S+)'

_SLICER = re.compile(
    rf"\s*(?P<value>{_NUMBER})\s+(?:{_NAME})\s+(?P<color>{_NUMBER}(?:\s+{_NUMBER}){{2}})\s+{_NUMBER}\s*"
)
"""Value, name, red, green, blue and alpha."""

_SNAP = re.compile(
    rf'\s*(?P<value>{_NUMBER})\s+(?P<color>{_NUMBER}(?:\s+{_NUMBER}){{2}})(?:\s+{_NUMBER}){{3}}\s+"(?P<quoted>[^"]*)"\s*'
)
"""Value, red, green, blue, alpha, visibility of the label and of its mesh, name."""

_NOBODY = ("", "(none)")
"""Names of places in Slicer's table that nobody uses."""


def is_label_list(text: str) -> bool:
    """Whether the first line that is no comment is one of a list."""
    first = next((line for _, line in _lines(text)), "")
    return bool(_SNAP.fullmatch(first) or _SLICER.fullmatch(first))


def read_label_list(text: str, source: str) -> SegmentTable:
    """Return the table; raise `TableFaultError`."""
    pattern = _SNAP if any(_SNAP.fullmatch(line) for _, line in _lines(text)) else _SLICER
    return SegmentTable(source, checked(_rows(text, pattern)))


def _rows(text: str, pattern: re.Pattern[str]) -> Iterator[SegmentRow]:
    for number, line in _lines(text):
        match = pattern.fullmatch(line)
        if match is None:
            raise TableFaultError(f"'{line.strip()[:60]}' is no line of value, name and colour", number)
        parts = match.groupdict()
        value = label_value(parts["value"], number)
        name = parts["quoted"] if parts["quoted"] is not None else parts["name"].replace("_", " ")
        if value and name not in _NOBODY:
            yield SegmentRow(value, name, color_rgb=color_of_parts(parts["color"].split(), number), line=number)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line
