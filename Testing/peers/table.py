"""The published table: who reads which encoding, as data in the project.

`reader_table.json` is written by `run.py --update` alone. Every cell in it was measured.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from SegRLEExportLib.encoding.plan import PLANS, Split

from peers.catalog import Reader
from peers.measuring import Cell, Measurement, Outcome
from peers.transport import Deliveries, Delivery

PATH = Path(__file__).with_name("reader_table.json")

_ALL = "all"


@dataclass
class Column:
    """One reader as it was measured."""

    title: str
    what: str
    version: str
    measured: str
    """Date, ISO."""
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    """By encoding and case."""

    def outcomes(self, plan_id: str) -> dict[str, Outcome]:
        """Return the outcome of each case in that encoding."""
        return {case: cell.outcome for (plan, case), cell in self.cells.items() if plan == plan_id}


@dataclass
class Table:
    """All readers that were ever measured, and what the cases are."""

    cases: dict[str, str]
    """What each case is, by id."""
    columns: dict[str, Column]
    """By reader id."""
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)
    """Bytes by workload and encoding."""
    deliveries: Deliveries = field(default_factory=dict)
    """What arrived by C-STORE."""

    def put(self, measurement: Measurement, today: datetime.date) -> None:
        """Take in a fresh measurement of one reader."""
        reader = measurement.reader
        self.columns[reader.id] = Column(
            reader.title, reader.what, measurement.version, today.isoformat(), dict(measurement.cells)
        )

    def describe(self, readers: Iterable[Reader]) -> None:
        """Take titles and descriptions from the catalog, also for readers that were not measured again."""
        for reader in readers:
            if reader.id in self.columns:
                self.columns[reader.id].title, self.columns[reader.id].what = reader.title, reader.what

    def of_outcome(self, outcome: Outcome) -> Iterator[tuple[str, str, str, Cell]]:
        """Yield reader, encoding, case and cell of each cell of that outcome."""
        for reader_id, column in self.columns.items():
            for (plan_id, case_id), cell in column.cells.items():
                if cell.outcome is outcome:
                    yield reader_id, plan_id, case_id, cell


def load(path: Path = PATH) -> Table:
    """Return the published table; an empty one if there is none yet."""
    if not path.exists():
        return Table({}, {})
    data = json.loads(path.read_text("utf-8"))
    columns = {
        reader_id: Column(
            column["title"], column["what"], column["version"], column["measured"], _cells(column["cells"], data)
        )
        for reader_id, column in data["readers"].items()
    }
    deliveries = {
        way: {plan_id: Delivery(**found) for plan_id, found in by_plan.items()}
        for way, by_plan in data["deliveries"].items()
    }
    return Table(data["cases"], columns, data["sizes"], deliveries)


def save(table: Table, path: Path = PATH) -> None:
    """Write the table, one line for each encoding of a reader, so that changes show in a diff."""
    readers = {
        reader_id: {
            "title": column.title,
            "what": column.what,
            "version": column.version,
            "measured": column.measured,
            "cells": {plan: Line(_grouped(column, plan)) for plan in dict.fromkeys(p for p, _ in column.cells)},
        }
        for reader_id, column in table.columns.items()
    }
    sizes = {name: Line(by_plan) for name, by_plan in table.sizes.items()}
    deliveries = {
        way: {plan_id: Line(vars(found)) for plan_id, found in by_plan.items()}
        for way, by_plan in table.deliveries.items()
    }
    data = {"cases": table.cases, "sizes": sizes, "deliveries": deliveries, "readers": readers}
    path.write_text(_text(data) + "\n", "utf-8")


@dataclass(frozen=True)
class Line:
    """A value that stands on one line of the file."""

    value: Any


def _grouped(column: Column, plan_id: str) -> list[dict[str, Any]]:
    """Return the cells of one encoding, those of one outcome and message together."""
    groups: dict[Cell, list[str]] = {}
    for (plan, case), cell in column.cells.items():
        if plan == plan_id:
            groups.setdefault(cell, []).append(case)
    return [
        {
            "outcome": cell.outcome.value,
            "cases": _ALL if len(groups) == 1 else cases,
            **({"message": cell.message} if cell.message else {}),
        }
        for cell, cases in groups.items()
    ]


def _cells(grouped: dict[str, Any], data: dict[str, Any]) -> dict[tuple[str, str], Cell]:
    cells = {}
    for plan_id, groups in grouped.items():
        found = {}
        for group in groups:
            cases = _cases_of(plan_id, data) if group["cases"] == _ALL else group["cases"]
            found |= dict.fromkeys(cases, Cell(Outcome(group["outcome"]), group.get("message", "")))
        cells |= {(plan_id, case_id): found[case_id] for case_id in data["cases"] if case_id in found}
    return cells


def _cases_of(plan_id: str, data: dict[str, Any]) -> list[str]:
    return [case for case in data["cases"] if is_possible(plan_id, case)]


def is_possible(plan_id: str, case_id: str) -> bool:
    """Whether that encoding is tried with that case: not with hundreds of files."""
    return not (case_id == "300-segments" and plan_id in PLANS and PLANS[plan_id].split is Split.EACH_SEGMENT)


def _text(value: Any, indent: int = 0) -> str:
    if isinstance(value, Line) or not isinstance(value, dict):
        return json.dumps(value.value if isinstance(value, Line) else value, ensure_ascii=False)
    pad = " " * (indent + 1)
    lines = [f"{pad}{json.dumps(key)}: {_text(item, indent + 1)}" for key, item in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
