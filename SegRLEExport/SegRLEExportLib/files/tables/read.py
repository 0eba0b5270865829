"""Which reader a table is for, by its content: names of files lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from SegRLEExportLib.errors import SegmentTableError
from SegRLEExportLib.files.byte_stream import UnreadableError, regular_file
from SegRLEExportLib.files.tables.delimited import is_delimited, read_delimited
from SegRLEExportLib.files.tables.json_tables import is_json, read_json
from SegRLEExportLib.files.tables.label_lists import is_label_list, read_label_list
from SegRLEExportLib.files.tables.row import SegmentTable, TableFaultError
from SegRLEExportLib.files.tables.totalsegmentator import TABLES, own_table

_MOST_BYTES = 1 << 24

_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""How Unicode text of a spreadsheet begins; all others are UTF-8, with a mark or without."""

_ROOMS: tuple[tuple[Callable[[str], bool], Callable[[str, str], SegmentTable]], ...] = (
    (is_json, read_json),
    (is_label_list, read_label_list),
    (is_delimited, read_delimited),
)


def read_table(table: Path | str) -> SegmentTable:
    """Return the table in a file, or the one of that name that this package has (`totalsegmentator`).

    Raises `SegmentTableError`.
    """
    if str(table) in TABLES and not Path(table).exists():
        return own_table(str(table))
    path = Path(table)
    try:
        text = _text(path)
        for is_so, read in _ROOMS:
            if is_so(text):
                return read(text, path.name)
        raise TableFaultError("it has none of the forms that are known")
    except TableFaultError as fault:
        raise SegmentTableError(path, str(fault), fault.line) from fault
    except UnreadableError as error:
        raise SegmentTableError(path, str(error)) from error


def _text(path: Path) -> str:
    with regular_file(path) as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise TableFaultError("it is too large for a table of segments")
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TableFaultError("it has bytes that are not UTF-8; save it as UTF-8", line) from error
    if "\0" in text:
        raise TableFaultError("it is not text")
    return text
