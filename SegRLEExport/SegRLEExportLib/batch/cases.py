"""The cases of a batch: from a table, or from two folders matched by name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from SegRLEExportLib.batch.names import CaseNames
from SegRLEExportLib.batch.rows import RowError, rows_of
from SegRLEExportLib.errors import BatchTableError
from SegRLEExportLib.files.byte_stream import UnreadableError, regular_file
from SegRLEExportLib.model.counted import counted

_OWN_COLUMNS = ("case", "segmentation", "series")

_NAMED_IN = {"case": "", "segmentation": "; give it another name in the column 'case'"}
"""Columns that can name a case, and what helps where the name is none, or another case has it."""

_SUFFIXES = re.compile(r"(\.seg)?\.(nrrd|nhdr|nii\.gz|nii|mha|mhd|dcm)$", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """An option that may differ between cases: how its cells are read."""

    read: Callable[[str, Path], Any]
    """From a cell, and the folder that paths in it are relative to, to a value of `Case.options`; raises ValueError."""
    is_repeated: bool = False
    """Whether the column may stand several times; the value is then a list."""


@dataclass(frozen=True)
class Case:
    """One segmentation to be written."""

    name: str
    """Of its folder in the output."""
    segmentation: str
    """Path of the file, or of the folder of masks."""
    series: str = ""
    """Path of the folder with the images; empty where none are needed."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """By the names of the columns: a text or number, True for what needs no value, a list for what is repeated."""

    def absolute(self) -> Case:
        """Return the case with paths that hold wherever a worker is."""
        series = os.path.abspath(self.series) if self.series else ""
        return replace(self, segmentation=os.path.abspath(self.segmentation), series=series)

    @property
    def asked(self) -> dict[str, Any]:
        """What is written from what, as JSON has it."""
        asked: dict[str, Any] = json.loads(
            json.dumps({"segmentation": self.segmentation, "series": self.series, **self.options})
        )
        return asked


def read_cases(
    table: Path, columns: Mapping[str, Column], refuse_unfit: Callable[[Case], None] = lambda _: None
) -> list[Case]:
    """Return the cases of a CSV or TSV file; paths in it are relative to its folder.

    `refuse_unfit` raises ValueError for a case whose options contradict each other. Raises `BatchTableError`.
    """
    try:
        with regular_file(table) as file:
            text = file.read().decode("utf-8-sig")
    except UnreadableError as error:
        raise BatchTableError(table, 0, str(error)) from error
    except UnicodeDecodeError as error:
        raise BatchTableError(table, 0, "it has bytes that are not UTF-8; save it as UTF-8") from error
    line, rows = 1, rows_of(text)
    try:
        line, header = next(rows, (1, []))
        header = [name.lower().replace("-", "_") for name in header]
        _refuse_unusable_header(header, columns)
        names, cases = CaseNames(), []
        for line, row in rows:
            _refuse_other_length(row, header)
            case, named_in = _case_of(list(zip(header, row)), columns, table.parent)
            with _in_column(named_in, _NAMED_IN[named_in]):
                names.add(case.name, f"line {line}")
            refuse_unfit(case)
            cases.append(case)
        return cases
    except RowError as error:
        raise BatchTableError(table, error.line, str(error)) from error
    except ValueError as error:
        raise BatchTableError(table, line, str(error)) from error


def _refuse_unusable_header(header: Sequence[str], columns: Mapping[str, Column]) -> None:
    unknown = [name for name in header if name not in (*_OWN_COLUMNS, *columns)]
    twice = [name for name in header if header.count(name) > 1 and not (name in columns and columns[name].is_repeated)]
    if unknown:
        raise ValueError(
            f"its header has the unknown column '{unknown[0]}'; known are {', '.join([*_OWN_COLUMNS, *columns])}"
        )
    if twice:
        raise ValueError(f"its header has column '{twice[0]}' twice")
    if "segmentation" not in header:
        raise ValueError("its header has no column 'segmentation'")


def _refuse_other_length(row: Sequence[str], header: Sequence[str]) -> None:
    if len(row) != len(header):
        raise ValueError(f"it has {counted(len(row), 'cell')}, and the header has {len(header)}")


def _case_of(cells: Sequence[tuple[str, str]], columns: Mapping[str, Column], folder: Path) -> tuple[Case, str]:
    """Return the case, and the column that names it."""
    own = {name: cell for name, cell in cells if name in _OWN_COLUMNS}
    if not own["segmentation"]:
        raise ValueError("column 'segmentation': it is empty")
    name, named_in = own.get("case"), "case"
    if not name:
        name, named_in = plain_name(Path(own["segmentation"])), "segmentation"
    series = own.get("series") or ""
    options: dict[str, Any] = {}
    for column, cell in cells:
        if column in columns and cell:
            _add_option(options, column, columns[column], cell, folder)
    segmentation = placed_below(folder, own["segmentation"])
    return Case(name, segmentation, placed_below(folder, series) if series else "", options), named_in


def placed_below(folder: Path, path: str) -> str:
    """Return a path that is relative to a folder, or to where `~` stands for, as shells have it."""
    return str(folder / os.path.expanduser(path))


def _add_option(options: dict[str, Any], name: str, column: Column, cell: str, folder: Path) -> None:
    with _in_column(name):
        value = column.read(cell, folder)
    if column.is_repeated:
        options.setdefault(name, []).append(value)
    else:
        options[name] = value


@contextmanager
def _in_column(name: str, remedy: str = "") -> Iterator[None]:
    """Say of each ValueError of the block which column it is about, and what helps."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"column '{name}': {error}{remedy}") from error


@dataclass(frozen=True)
class Matches:
    """Cases that two folders give, and what has no counterpart."""

    cases: list[Case]
    without_images: list[str]
    without_segmentation: list[str]


def matched(segmentations: Path, images: Path, out: Path) -> Matches:
    """Return a case for each segmentation (a file, or a folder of masks) that has a folder of images of its name.

    `out` is passed over: it is where the batch writes to, and may lie in one of the folders.
    Raises `BatchTableError` if two segmentations have one name, or a folder cannot be read.
    """
    found = {}
    for path in _listed(segmentations, out):
        if path.name.startswith(".") or not (path.is_dir() or _SUFFIXES.search(path.name)):
            continue
        if plain_name(path) in found:
            raise BatchTableError(path, 0, f"two segmentations are called {plain_name(path)}")
        found[plain_name(path)] = path
    folders = {path.name: path for path in _listed(images, out) if path.is_dir()}
    names, both = CaseNames(), [name for name in found if name in folders]
    for name in both:
        try:
            names.add(name, found[name].name)
        except ValueError as error:
            raise BatchTableError(found[name], 0, str(error)) from error
    return Matches(
        [Case(name, str(found[name]), str(folders[name])) for name in both],
        [name for name in found if name not in folders],
        [name for name in folders if name not in found],
    )


def _listed(folder: Path, out: Path) -> list[Path]:
    passed_over = os.path.realpath(out)
    try:
        return sorted(path for path in folder.iterdir() if os.path.realpath(path) != passed_over)
    except OSError as error:
        raise BatchTableError(folder, 0, f"the folder cannot be read ({error.strerror or error})") from error


def plain_name(path: Path) -> str:
    """Return the name of a file without the suffixes of segmentations."""
    return _SUFFIXES.sub("", path.name)
