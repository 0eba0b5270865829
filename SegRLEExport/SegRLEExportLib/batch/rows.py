"""The rows of a CSV or TSV file as people and spreadsheets write it, each with the line that it begins in."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from io import StringIO

_NAMES_SEPARATOR = re.compile(r'"?sep=(.)"?[ ]*(?:\r?\n|\Z)', re.IGNORECASE)
"""A first line that is for Excel alone."""


class RowError(Exception):
    """What stands in a line is no row; the text is a clause."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line, counted from 1, and the cells of each row that is not blank. Raises `RowError`."""
    named = _NAMES_SEPARATOR.match(text)
    body = text[named.end() :] if named else text
    rows = csv.reader(StringIO(body, newline=""), delimiter=named[1] if named else _delimiter(body), strict=True)
    before = 1 if named else 0
    while True:
        line = before + rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise RowError(line, f"it is no row of a table ({error}); look at its quotes") from error
        if row is None:
            return
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield line, cells


def _delimiter(text: str) -> str:
    first_line = text.lstrip().partition("\n")[0]
    return next((mark for mark in "\t;" if mark in first_line), ",")
