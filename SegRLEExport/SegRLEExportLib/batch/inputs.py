"""The files that a person edits and a case is written from, with what tells whether they were: size and time.

The images are not among them: thousands for a case, and nobody edits them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from SegRLEExportLib.batch.cases import Case

Stamps = dict[str, list[int]]
"""By path: bytes, and the time of the last change in nanoseconds."""

_TOLD_AS = {"segmentation": "its segmentation", "mask": "one of its masks", "segments": "its table of names"}
"""Columns whose files are edited."""

_HEADERS = (".nhdr", ".mhd")
"""Suffixes of files that name the one with the voxels, which stands beside them."""

_VOXELS = re.compile(rb"^(?:data ?file|ElementDataFile)\s*[:=]\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)

_LONGEST_HEADER = 1 << 16


def inputs_of(case: Case) -> dict[str, Stamps]:
    """Return the files by the column that names them; what is not there, or is the name of a built-in table, has none.

    It is JSON.
    """
    named = {"segmentation": case.segmentation, **case.options}
    return {column: _stamps(named[column]) for column in _TOLD_AS if named.get(column)}


def changed_input(then: Mapping[str, Any], now: Mapping[str, Stamps]) -> str:
    """Return which of the files was changed, added or removed, as a clause; empty if none was.

    Files that nobody noted, or that are all gone, are of no matter: nothing else could be written of them.
    """
    for column, found in now.items():
        noted = then.get(column)
        if noted and found:
            changed = [path for path in sorted({*noted, *found}) if noted.get(path) != found.get(path)]
            if changed:
                return f"{_TOLD_AS[column]} was changed since it was written ({changed[0]})"
    return ""


def _stamps(named: Any) -> Stamps:
    """Return the stamps of the files of one path or of several; what is no path is told where it is read."""
    paths = named if isinstance(named, (list, tuple)) else [named]
    stamps: Stamps = {}
    for path in paths:
        for file in _files(Path(path)) if isinstance(path, str) else ():
            try:
                status = file.stat()
            except OSError:
                continue
            stamps[str(file)] = [status.st_size, status.st_mtime_ns]
    return stamps


def _files(path: Path) -> Iterator[Path]:
    """Yield the files of a folder, or the file and the one with its voxels."""
    try:
        if path.is_dir():
            yield from (file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        elif path.is_file():
            yield path
            yield from _file_of_voxels(path)
    except OSError:  # told where it is read
        return


def _file_of_voxels(header: Path) -> Iterator[Path]:
    if header.suffix.lower() in _HEADERS:
        with header.open("rb") as file:
            found = _VOXELS.search(file.read(_LONGEST_HEADER))
        if found:
            yield header.parent / found[1].decode("utf-8", "surrogateescape")
