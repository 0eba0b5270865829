"""Tables with a header line, separated by commas, semicolons or tabs: read and written.

Written are the columns of `COLUMNS`; read are also other words for them, codes and colours in three columns each,
and the names that TotalSegmentator and dcmqi give them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from SegRLEExportLib.files.tables.codes import CODES, code_of, code_of_parts, terminology_of, text_of_code
from SegRLEExportLib.files.tables.colors import color_of, color_of_parts, text_of_color
from SegRLEExportLib.files.tables.row import SegmentRow, SegmentTable, TableFaultError, checked, label_value
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.segmentation import AlgorithmType
from SegRLEExportLib.model.terminology import Code

COLUMNS = ("value", "name", *CODES, "color", "algorithm", "description")

_OTHER_WORDS = {
    "label": "value",
    "label value": "value",
    "labelvalue": "value",
    "label id": "value",
    "labelid": "value",
    "id": "value",
    "index": "value",
    "number": "value",
    "key": "value",
    "label name": "name",
    "labelname": "name",
    "segment": "name",
    "segment label": "name",
    "segmentlabel": "name",
    "structure": "name",
    "colour": "color",
    "rgb": "color",
    "dicomrgbcolor": "color",
    "segmentdescription": "description",
    "type modifier": "modifier",
    "anatomic region": "region",
    "anatomic region modifier": "region modifier",
    "algorithm type": "algorithm type",
    "segmentalgorithmtype": "algorithm type",
    "segmentalgorithmname": "algorithm name",
    "r": "red",
    "g": "green",
    "b": "blue",
    "color r": "red",
    "color g": "green",
    "color b": "blue",
    "color a": "alpha",
    "typemodifier": "modifier",
    "regionmodifier": "region modifier",
}

_SEQUENCES = {
    "segmentedpropertycategorycodesequence": "category",
    "segmentedpropertytypecodesequence": "type",
    "segmentedpropertytypemodifiercodesequence": "modifier",
    "anatomicregionsequence": "region",
    "anatomicregionmodifiersequence": "region modifier",
}

_PARTS = {
    "scheme": 0,
    "codingscheme": 0,
    "codingschemedesignator": 0,
    "value": 1,
    "code": 1,
    "codevalue": 1,
    "meaning": 2,
    "codemeaning": 2,
}
"""The last word of a column that has a part of a code."""

_KNOWN = {*COLUMNS, "algorithm type", "algorithm name", "algorithm version", "red", "green", "blue", "alpha"}
_KNOWN |= {f"{name} {part}" for name in CODES for part in range(3)}

_SEPARATORS = ("\t", ";", ",")

Cells = dict[str, str]


def is_delimited(text: str) -> bool:
    """Whether the first line has the words of a header that this reader knows: a name, and something beside it."""
    first = _first_line(text)
    columns = {_column(word) for word in next(csv.reader([first], delimiter=_separator(first)), [])}
    return "name" in columns and len(columns & _KNOWN) > 1


def read_delimited(text: str, source: str) -> SegmentTable:
    """Return the table; raise `TableFaultError`."""
    reader = csv.reader(io.StringIO(text), delimiter=_separator(_first_line(text)), strict=True)
    columns: list[str] = []
    rows: list[SegmentRow] = []
    unused: list[str] = []
    line = 1
    try:
        for words in reader:
            line = reader.line_num + 1
            if not any(word.strip() for word in words) or words[0].lstrip().startswith("#"):
                continue
            if not columns:
                columns = [_column(word) for word in words]
                unused = [word.strip() for word, column in zip(words, columns) if word.strip() and column not in _KNOWN]
                _refuse_double(columns)
                continue
            rows.append(_row(_cells(columns, words, reader.line_num), reader.line_num))
    except csv.Error as error:
        reason = "a quotation mark is not closed" if "end of data" in str(error) else f"it is no table ({error})"
        raise TableFaultError(reason, line) from error
    return SegmentTable(source, checked(_without_background(rows)), tuple(_unused(unused, source)))


def written_table(rows: Iterable[SegmentRow], separator: str = ",") -> str:
    """Return the rows as a table that `read_delimited` reads as the same: columns that are empty are left out."""
    all_cells = [_cells_of(row) for row in rows]
    used = [column for column in COLUMNS if column == "name" or any(cells[column] for cells in all_cells)]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(used)
    writer.writerows([[cells[column] for column in used] for cells in all_cells])
    return text.getvalue()


def _cells_of(row: SegmentRow) -> Cells:
    meant = row.terminology
    codes = (
        (meant.category, meant.type, meant.type_modifier, meant.region, meant.region_modifier) if meant else [None] * 5
    )
    return {
        "value": "" if row.value is None else str(row.value),
        "name": row.name,
        **{name: text_of_code(code) for name, code in zip(CODES, codes)},
        "color": text_of_color(row.color_rgb) if row.color_rgb else "",
        "algorithm": " ".join(filter(None, (row.algorithm_type and row.algorithm_type.value, row.algorithm_name))),
        "description": row.description,
    }


def _first_line(text: str) -> str:
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return next(lines, "")


def _separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def _column(word: str) -> str:
    """Return what a column is called here; a part of a code gets its place behind the code's name."""
    plain = re.sub(r"[\s_.-]+", " ", word.strip().lower()).strip()
    plain = _OTHER_WORDS.get(plain, plain)
    if plain in _KNOWN:
        return plain
    start, _, last = plain.rpartition(" ")
    code = _OTHER_WORDS.get(start, _SEQUENCES.get(start, start))
    return f"{code} {_PARTS[last]}" if last in _PARTS and code in CODES else plain


def _refuse_double(columns: Sequence[str]) -> None:
    known = [column for column in columns if column in _KNOWN]
    for column in known:
        if known.count(column) > 1:
            raise TableFaultError(f"its header has two columns for '{column}'", 1)
    if "name" not in known:
        raise TableFaultError("its header has no column 'name'", 1)


def _cells(columns: Sequence[str], words: Sequence[str], line: int) -> Cells:
    if any(word.strip() for word in words[len(columns) :]):
        raise TableFaultError(f"it has {len(words)} cells, and the header has {len(columns)}", line)
    return {column: word.strip() for column, word in zip(columns, words) if column in _KNOWN}


def _row(cells: Cells, line: int) -> SegmentRow:
    value = label_value(cells["value"], line) if cells.get("value") else None
    if value is None and not cells.get("name"):
        raise TableFaultError("it has neither a value nor a name", line)
    algorithm_type, algorithm_name = _algorithm(cells, line)
    return SegmentRow(
        value,
        cells.get("name", ""),
        terminology_of({name: _code(cells, name, line) for name in CODES}, line),
        _color(cells, line),
        cells.get("description", ""),
        algorithm_type,
        algorithm_name,
        line,
    )


def _code(cells: Cells, name: str, line: int) -> Code | None:
    return code_of(cells.get(name, ""), line) or code_of_parts([cells.get(f"{name} {n}", "") for n in range(3)], line)


def _color(cells: Cells, line: int) -> tuple[float, float, float] | None:
    if cells.get("color"):
        return color_of(cells["color"], line)
    parts = [cells.get(part, "") for part in ("red", "green", "blue")]
    return color_of_parts(parts, line) if any(parts) else None


def _algorithm(cells: Cells, line: int) -> tuple[AlgorithmType | None, str]:
    """Return type and name: one column has the type first, or each has its own."""
    type_word, _, name = cells.get("algorithm", "").partition(" ")
    type_word = cells.get("algorithm type") or type_word
    name = " ".join(filter(None, (cells.get("algorithm name") or name.strip(), cells.get("algorithm version"))))
    return algorithm_type_of(type_word, line), name


def algorithm_type_of(word: str, line: int = 0) -> AlgorithmType | None:
    """Return the Segment Algorithm Type of that name, None if it is empty; raise `TableFaultError`."""
    if not word.strip():
        return None
    try:
        return AlgorithmType(word.strip().upper())
    except ValueError as error:
        known = ", ".join(member.value for member in AlgorithmType)
        raise TableFaultError(f"'{word[:40]}' is no algorithm type; {known} are possible", line) from error


def _without_background(rows: Iterable[SegmentRow]) -> list[SegmentRow]:
    return [row for row in rows if row.value != 0]


def _unused(words: Sequence[str], source: str) -> Iterable[Finding]:
    if words:
        yield Finding(
            "table-column-unused",
            Severity.NOTE,
            f"What its header calls {', '.join(words)} is not read.",
            where=source,
            help=f"Columns that are read: {', '.join(COLUMNS)}.",
        )
