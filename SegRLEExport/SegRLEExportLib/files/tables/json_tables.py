"""Tables in JSON: dcmqi's `segmentAttributes`, and the `labels` of nnU-Net's dataset.json in both directions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from SegRLEExportLib.files.tables.codes import CODES, code_of_parts, terminology_of
from SegRLEExportLib.files.tables.colors import color_of_parts
from SegRLEExportLib.files.tables.delimited import algorithm_type_of
from SegRLEExportLib.files.tables.row import Color, SegmentRow, SegmentTable, TableFaultError, checked, label_value
from SegRLEExportLib.model.terminology import Code

_SEQUENCES = (
    "SegmentedPropertyCategoryCodeSequence",
    "SegmentedPropertyTypeCodeSequence",
    "SegmentedPropertyTypeModifierCodeSequence",
    "AnatomicRegionSequence",
    "AnatomicRegionModifierSequence",
)
"""In the order of `CODES`."""

_PARTS = ("CodingSchemeDesignator", "CodeValue", "CodeMeaning")


def is_json(text: str) -> bool:
    """Whether the text begins as a JSON object does."""
    return text.lstrip().startswith("{")


def read_json(text: str, source: str) -> SegmentTable:
    """Return the table; raise `TableFaultError`."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise TableFaultError(f"it is no JSON ({error.msg})", error.lineno) from error
    except RecursionError as error:
        raise TableFaultError("it is nested too deeply") from error
    if isinstance(content.get("segmentAttributes"), list):
        return SegmentTable(source, checked(_of_dcmqi(content["segmentAttributes"])))
    if isinstance(content.get("labels"), dict):
        return SegmentTable(source, checked(_of_nnunet(content["labels"])))
    raise TableFaultError("it has neither dcmqi's 'segmentAttributes' nor nnU-Net's 'labels'")


def _of_dcmqi(files: list[Any]) -> list[SegmentRow]:
    """Return a row for each segment; those of several files go by name alone where their values meet."""
    items = [item for file in files for item in (file if isinstance(file, list) else [file])]
    rows = [_dcmqi_row(item, f"segment {n}") for n, item in enumerate(items, start=1)]
    values = [row.value for row in rows]
    if len(files) > 1 and len(set(values)) < len(values):
        return [replace(row, value=None) for row in rows]
    return rows


def _dcmqi_row(item: Any, place: str) -> SegmentRow:
    if not isinstance(item, dict):
        raise TableFaultError(f"{place} is no object of attributes")
    try:
        return SegmentRow(
            label_value(str(item.get("labelID", "")), 0),
            str(item.get("SegmentLabel") or item.get("SegmentDescription") or ""),
            terminology_of({name: _code(item.get(key)) for name, key in zip(CODES, _SEQUENCES)}, 0),
            _color(item.get("recommendedDisplayRGBValue")),
            str(item.get("SegmentDescription", "")) if item.get("SegmentLabel") else "",
            algorithm_type_of(str(item.get("SegmentAlgorithmType", ""))),
            str(item.get("SegmentAlgorithmName", "")),
        )
    except TableFaultError as fault:
        raise TableFaultError(f"in {place}, {fault}") from fault


def _code(item: Any) -> Code | None:
    first = item[0] if isinstance(item, list) and item else item
    if not first:
        return None
    if not isinstance(first, Mapping) or not any(part in first for part in _PARTS):
        raise TableFaultError(f"'{str(first)[:60]}' is no code of {', '.join(_PARTS)}")
    return code_of_parts([str(first.get(part, "")) for part in _PARTS], 0)


def _color(item: Any) -> Color | None:
    if item is None:
        return None
    if not isinstance(item, list) or len(item) != 3:
        raise TableFaultError(f"'{str(item)[:40]}' is no colour of three numbers from 0 to 255")
    return color_of_parts([str(part) for part in item], 0, 255.0)


def _of_nnunet(labels: Mapping[str, Any]) -> Iterator[SegmentRow]:
    """Yield the rows of `name: value`, or of `value: name` as nnU-Net 1 had it; the background has none."""
    for key, item in labels.items():
        if isinstance(item, list):
            raise TableFaultError(
                f"'{key[:60]}' is a region of several values, {str(item)[:40]}, and a voxel has one; "
                "write a table with a name for each value that the label map has"
            )
        is_old = isinstance(item, str) and not item.isdigit()
        value, name = (key, item) if is_old else (str(item), key)
        number = label_value(value, 0)
        if number:
            yield SegmentRow(number, str(name))
