"""The readers that PyPI and Debian give still do what the published table says of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache

import pytest

from peers import table
from peers.cases import WrittenCase, write_case_set
from peers.catalog import BY_ID, READERS, Reader
from peers.environments import AbsentError, Environments, default_cache
from peers.measuring import Cell, Measurement, Outcome, measure
from peers.published import changes

QUICK = [reader for reader in READERS if reader.is_quick]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[WrittenCase]:
    return write_case_set(tmp_path_factory.mktemp("peers"))


@pytest.fixture(scope="session")
def environments() -> Environments:
    return Environments(default_cache())


@pytest.fixture(scope="session")
def measured(written, environments) -> Callable[[Reader], Measurement]:
    """Return what measures a reader once for all tests; skips where it is not here."""

    @cache
    def measured(reader: Reader) -> Measurement:
        try:
            return measure(reader, written, environments)
        except AbsentError as absent:
            pytest.skip(f"{reader.title}: {absent}")

    return measured


@pytest.mark.parametrize("reader", QUICK, ids=lambda reader: reader.id)
def test_reads_what_the_published_table_says(reader, measured):
    assert changes(measured(reader), table.load()) == []


def test_3d_slicers_load_path_reads_every_case_of_the_offered_encodings(measured):
    cells = measured(BY_ID["slicer-core"]).cells
    offered = {key: cell.outcome for key, cell in cells.items() if key[0] in ("rle", "none", "deflate")}
    assert len(offered) == 30
    assert set(offered.values()) == {Outcome.RIGHT}


def test_a_reader_that_got_better_is_told_with_the_remedy():
    fresh = Measurement(BY_ID["simpleitk"], "9.9", {("rle", "one-segment"): Cell(Outcome.RIGHT)})
    (told,) = changes(fresh, table.load())
    assert told.startswith("SimpleITK, 'rle', one-segment: right now (9.9), clear error in the published table")
    assert "tasks.py peers --all --update" in told


def test_a_reader_that_got_worse_is_told():
    fresh = Measurement(BY_ID["slicer"], "9.9", {("rle", "one-segment"): Cell(Outcome.WRONG, "a voxel is missing")})
    (told,) = changes(fresh, table.load())
    assert "silently wrong now (9.9), right in the published table" in told


def test_a_reader_that_is_not_here_is_named_as_absent(environments, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
    with pytest.raises(AbsentError, match="the program dciodvfy is not on the path"):
        measure(BY_ID["dciodvfy"], [], environments)
