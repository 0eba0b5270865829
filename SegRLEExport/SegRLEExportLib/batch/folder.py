"""The folder of a batch: a folder for each case, the journal, and what a run that is broken off leaves for the next.

OUT/CASE/...                 files of a case, moved here at once when all are verified
OUT/report.jsonl             the journal: one line a case, on the disk before the next is begun
OUT/report.html              the page for a person
OUT/.segrle/work/CASE        files of a case that is being written
OUT/.segrle/done/CASE.json   its outcome, before its files are moved: what the journal may have missed
OUT/.segrle/stopped/CASE     what a case was doing when its time was over
OUT/.segrle/pictures/CASE    its picture
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from SegRLEExportLib.batch.outcome import Outcome
from SegRLEExportLib.errors import BatchFolderError

JOURNAL, PAGE = "report.jsonl", "report.html"


class BatchFolder:
    """OUT of one batch."""

    def __init__(self, out: Path) -> None:
        self.out = out
        own = out / ".segrle"
        self.work, self.done = own / "work", own / "done"
        self.stopped, self.pictures = own / "stopped", own / "pictures"
        self._parts = (self.work, self.done, self.stopped, self.pictures)

    @property
    def journal(self) -> Path:
        """The file with one line a case."""
        return self.out / JOURNAL

    @property
    def page(self) -> Path:
        """The page for a person."""
        return self.out / PAGE

    def begin(self, *, resume: bool) -> None:
        """Make the folders; raise `BatchFolderError` if a batch is there already and is not to be resumed."""
        try:
            if self.journal.exists() and not resume:
                raise BatchFolderError(self.out, "it holds a batch already; resume that, or choose another folder")
            self.out.mkdir(parents=True, exist_ok=True)
            for left in (self.work, self.stopped):
                shutil.rmtree(left, ignore_errors=True)
            for part in self._parts:
                part.mkdir(parents=True, exist_ok=True)
            self._end_torn_line()
        except OSError as error:
            raise BatchFolderError(self.out, error.strerror or str(error)) from error

    def _end_torn_line(self) -> None:
        """A run that was killed while it wrote leaves half a line: the next begins on a line of its own."""
        if self.journal.exists() and not self.journal.read_bytes().endswith(b"\n") and self.journal.stat().st_size:
            self._write("\n")

    def append(self, outcome: Outcome) -> None:
        """Add a line, and see it onto the disk. Raises `BatchFolderError`."""
        try:
            self._write(json.dumps(outcome.to_json(), ensure_ascii=False) + "\n")
        except OSError as error:
            raise BatchFolderError(self.out, error.strerror or str(error)) from error

    def _write(self, text: str) -> None:
        with self.journal.open("ab") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())

    def outcomes(self) -> dict[str, Outcome]:
        """Return the last outcome of each case; lines that are none are passed over."""
        found: dict[str, Outcome] = {}
        if not self.journal.exists():
            return found
        for line in self.journal.read_bytes().decode("utf-8", "replace").splitlines():
            outcome = outcome_of(line)
            if outcome is not None:
                found[outcome.case] = outcome
        return found

    def missed(self, case: str) -> Outcome | None:
        """Return the outcome of a case whose files were moved before its line was written."""
        try:
            outcome = outcome_of((self.done / f"{case}.json").read_text(encoding="utf-8"))
        except OSError:
            return None
        return outcome if outcome is not None and self.is_there(outcome) else None

    def is_there(self, outcome: Outcome) -> bool:
        """Tell whether all files of a written case stand as they were written."""
        try:
            return outcome.is_written and all(
                (self.out / file.path).stat().st_size == file.bytes for file in outcome.files
            )
        except OSError:
            return False


def outcome_of(line: str) -> Outcome | None:
    """Return the outcome in a line of the journal, None if it is none."""
    try:
        return Outcome.of_json(json.loads(line))
    except (ValueError, KeyError, TypeError):
        return None
