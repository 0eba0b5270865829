"""The table of faults in Testing/FAULTS.md is whole: each row of the collection has tests, and each test is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTING = Path(__file__).parents[1]
ROW = re.compile(r"^\| ([A-H]\d+) \|[^|]+\|([^|]+)\|$", re.MULTILINE)
NAME = re.compile(r"`([\w/]+\.py(?:::\w+)+)`")
TABLE = (TESTING / "FAULTS.md").read_text(encoding="utf-8")
TESTS_OF_ROWS = {row: NAME.findall(tests) for row, tests in ROW.findall(TABLE)}


def named_in(path: Path) -> set[str]:
    """Return the tests of a file as pytest names them, without their parameters; found without running it."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found.update(f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef))
    return {name for name in found if name.rpartition("::")[2].startswith("test")}


@pytest.mark.parametrize("path", sorted({name.partition("::")[0] for name in NAME.findall(TABLE)}))
def test_each_named_test_is_there(path):
    named = {name.partition("::")[2] for name in NAME.findall(TABLE) if name.startswith(f"{path}::")}

    assert named - named_in(TESTING / path) == set()


def test_each_row_has_tests():
    assert [row for row, tests in TESTS_OF_ROWS.items() if not tests] == []


def rows_of(collection: str) -> list[str]:
    """Return letter and number of each row: of its tables, and of the one section that is a sentence of parts."""
    rows = []
    for section in re.split(r"^## ", collection, flags=re.MULTILINE)[1:]:
        letter, lines = section[0], section.splitlines()
        in_table = [line for line in lines if line.startswith("|")][2:]
        parts = in_table or "".join(line for line in lines[1:] if line).split(";")
        rows.extend(f"{letter}{number}" for number, _ in enumerate(parts, start=1))
    return rows


def test_each_row_of_the_collection_is_mapped(shared):
    collection = shared / "FAULTS.md"
    if not collection.is_file():
        pytest.skip(f"the collection of faults is not found in {shared}")

    assert list(TESTS_OF_ROWS) == rows_of(collection.read_text(encoding="utf-8"))
