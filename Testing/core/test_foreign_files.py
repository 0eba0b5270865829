"""DICOM SEG of other programs are read as pydicom and highdicom read them, wherever those can."""

from __future__ import annotations

from pathlib import Path

import pytest
from foreign_files import Row, row_of, seg_files, table

PAGE = Path(__file__).parents[2] / "Docs" / "foreign-files.md"


@pytest.fixture(scope="module")
def rows(shared) -> list[Row]:
    return [row_of(name, path) for name, path in seg_files(shared)]


def test_no_other_program_reads_any_of_them_differently(rows):
    different = [str(row) for row in rows if "DIFFERENT" in (row.by_pydicom, row.by_highdicom)]

    assert len(rows) > 100
    assert different == []


CONTRADICT_THEMSELVES = ["pydicom/liver_1frame.dcm", "pydicom/liver_expb_1frame.dcm"]
"""Frames were cut out of them by hand, and their groups left in."""


def test_only_what_contradicts_itself_is_refused(rows):
    assert [row.file for row in rows if row.ours.startswith("refused")] == CONTRADICT_THEMSELVES


def test_the_page_is_what_was_measured(rows, update_golden):
    if update_golden:
        PAGE.write_text(table(rows), encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == table(rows), "write it anew with --update-golden, and look at it"
