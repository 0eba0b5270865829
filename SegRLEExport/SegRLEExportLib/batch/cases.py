"""The cases of a batch: from a table, or from two folders matched by name."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from SegRLEExportLib.errors import BatchTableError
from SegRLEExportLib.files.byte_stream import UnreadableError, regular_file

_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}

_SUFFIXES = re.compile(r"(\.seg)?\.(nrrd|nhdr|nii\.gz|nii|mha|mhd|dcm)$", re.IGNORECASE)

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]|^\.|^$|[. ]$')
"""A case names a folder, on every system."""


def _flag(text: str) -> bool:
    if text.strip().lower() not in _FLAGS:
        raise ValueError(f"'{text}' is neither yes nor no")
    return _FLAGS[text.strip().lower()]


OPTION_COLUMNS: Mapping[str, Callable[[str], Any]] = {
    "to": str,
    "series_uid": str,
    "segments": str,
    "series_description": str,
    "series_number": int,
    "content_label": str,
    "content_description": str,
    "content_creator_name": str,
    "grid": str,
    "clip": _flag,
    "keep_empty_frames": _flag,
    "verify": str,
    "strict": _flag,
}
"""What a column of the table may be called beside `case`, `segmentation` and `series`, and how its cells are read."""


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
    """By the names of `OPTION_COLUMNS`."""

    @property
    def asked(self) -> dict[str, Any]:
        """What is written from what, as JSON."""
        return {"segmentation": self.segmentation, "series": self.series, **self.options}


def read_cases(table: Path) -> list[Case]:
    """Return the cases of a CSV or TSV file; paths in it are relative to its folder. Raises `BatchTableError`."""
    try:
        with regular_file(table) as file:
            text = file.read().decode("utf-8-sig")
    except UnreadableError as error:
        raise BatchTableError(table, 0, str(error)) from error
    except UnicodeDecodeError as error:
        raise BatchTableError(table, 0, "it has bytes that are not UTF-8; save it as UTF-8") from error
    first_line = text.partition("\n")[0]
    rows = csv.DictReader(text.splitlines(), delimiter="\t" if "\t" in first_line else ",", restkey="", strict=True)
    columns = [name.strip().lower() for name in rows.fieldnames or []]
    unknown = [name for name in columns if name not in {"case", "segmentation", "series", *OPTION_COLUMNS}]
    if "segmentation" not in columns or unknown:
        problem = f"unknown column '{unknown[0]}'" if unknown else "no column 'segmentation'"
        known = ", ".join(["case", "segmentation", "series", *OPTION_COLUMNS])
        raise BatchTableError(table, 1, f"its header has {problem}; known are {known}")
    rows.fieldnames = columns
    cases = []
    try:
        for row in rows:
            cases.append(_case_of(row, table.parent))
    except (ValueError, csv.Error) as error:
        raise BatchTableError(table, rows.line_num, str(error)) from error
    _refuse_unusable_names(cases, table)
    return cases


def _case_of(row: Mapping[str, Any], folder: Path) -> Case:
    if "" in row or None in row.values():
        raise ValueError("it has not as many cells as the header")
    segmentation, series = row["segmentation"].strip(), (row.get("series") or "").strip()
    if not segmentation:
        raise ValueError("it names no segmentation")
    name = (row.get("case") or "").strip() or plain_name(Path(segmentation))
    options = {
        column: read(row[column].strip()) for column, read in OPTION_COLUMNS.items() if row.get(column, "").strip()
    }
    if "segments" in options and (folder / options["segments"]).exists():
        options["segments"] = str(folder / options["segments"])
    return Case(name, str(folder / segmentation), str(folder / series) if series else "", options)


@dataclass(frozen=True)
class Matches:
    """Cases that two folders give, and what has no partner."""

    cases: list[Case]
    without_images: list[str]
    without_segmentation: list[str]


def matched(segmentations: Path, images: Path) -> Matches:
    """Return a case for each segmentation (a file, or a folder of masks) that has a folder of images of its name.

    Raises `BatchTableError` if two segmentations have one name, or a folder cannot be read.
    """
    found = {}
    for path in _listed(segmentations):
        if path.name.startswith(".") or not (path.is_dir() or _SUFFIXES.search(path.name)):
            continue
        if plain_name(path) in found:
            raise BatchTableError(path, 0, f"two segmentations are called {plain_name(path)}")
        found[plain_name(path)] = path
    folders = {path.name: path for path in _listed(images) if path.is_dir()}
    cases = [Case(name, str(path), str(folders[name])) for name, path in found.items() if name in folders]
    _refuse_unusable_names(cases, segmentations)
    return Matches(
        cases, [name for name in found if name not in folders], [name for name in folders if name not in found]
    )


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise BatchTableError(folder, 0, f"the folder cannot be read ({error.strerror or error})") from error


def plain_name(path: Path) -> str:
    """Return the name of a file without the suffixes of segmentations."""
    return _SUFFIXES.sub("", path.name)


def _refuse_unusable_names(cases: Iterable[Case], where: Path) -> None:
    seen: set[str] = set()
    for case in cases:
        if _UNSAFE.search(case.name):
            raise BatchTableError(where, 0, f"the case name '{case.name}' cannot name a folder")
        if case.name.lower() in seen:
            raise BatchTableError(where, 0, f"two cases are called '{case.name}'")
        seen.add(case.name.lower())
