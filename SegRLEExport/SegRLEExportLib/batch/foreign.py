"""What has a name that a batch uses in its folder, and is somebody else's: nothing of it is touched."""

from __future__ import annotations

import json
import os
from pathlib import Path

from SegRLEExportLib.batch.outcome import outcome_of
from SegRLEExportLib.errors import BatchFolderError

PAGE_START = "<!doctype html><html lang=en><meta charset=utf-8><title>Batch</title>"
"""Of every page that a batch writes."""

_LINE_START = '{"case": "'
"""Of every line of a journal."""

_OWN_FOLDERS = {"work", "pictures"}
"""What a run makes in `.segrle` before it holds the lock there; both are empty then."""


def refuse_foreign(own: Path, journal: Path, page: Path) -> None:
    """Raise `BatchFolderError` for the first of the three that is there and is not a batch's; OSError if unreadable."""
    for path, is_own in ((own, _is_own_folder), (journal, _is_journal), (page, _is_page)):
        if os.path.lexists(path) and not is_own(path):
            raise BatchFolderError(
                path, "it was there before, and no run of a batch wrote it. Move it away, or choose another folder"
            )


def _is_own_folder(own: Path) -> bool:
    """Tell whether a run made the folder: it has a lock, or the run was broken off before."""
    if not own.is_dir():  # which is told where the folder is needed
        return True
    if (own / "lock").exists():
        return True
    return all(part.name in _OWN_FOLDERS and part.is_dir() and not any(part.iterdir()) for part in own.iterdir())


def _is_journal(journal: Path) -> bool:
    """Tell whether a file is empty, or has a line of a batch, or what a run that was killed left of its first."""
    if not journal.is_file():
        return False
    lines = list(filter(None, journal.read_bytes().decode("utf-8", "surrogateescape").split("\n")))
    return any(map(outcome_of, lines)) or all(map(_is_torn, lines))


def _is_torn(line: str) -> bool:
    """Tell whether a line is the beginning of one of a journal."""
    if not (line.startswith(_LINE_START) or _LINE_START.startswith(line)):
        return False
    try:
        json.loads(line)
    except ValueError:
        return True
    return False


def _is_page(page: Path) -> bool:
    if not page.is_file():
        return False
    with page.open("rb") as file:
        return file.read(len(PAGE_START)) == PAGE_START.encode("ascii")
