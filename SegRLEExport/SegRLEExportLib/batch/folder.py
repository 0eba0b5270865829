"""The folder of a batch: a folder for each case, the journal, and what a run that is broken off leaves for the next.

OUT/CASE/...                  files of a case, moved here at once when all are verified and its line is on the disk
OUT/report.jsonl              the journal: one line a case, and one more each time it is tried again; the last holds
OUT/report.html               the page for a person
OUT/.segrle/lock              held by the run that works here
OUT/.segrle/work/ATTEMPT      one attempt at a case: `files`, and `picture.png`; no two attempts share one
OUT/.segrle/pictures/CASE.png its picture

Workers write attempts and nothing else. The run that holds the lock writes the line first and moves the files then:
broken off before the line the case is tried again, broken off after it the next run moves what the line tells of.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from SegRLEExportLib.batch.foreign import refuse_foreign
from SegRLEExportLib.batch.lock import held
from SegRLEExportLib.batch.outcome import CaseFile, Ending, Outcome, outcome_of
from SegRLEExportLib.errors import BatchFolderError
from SegRLEExportLib.model.remedy import Remedy

JOURNAL, PAGE = "report.jsonl", "report.html"
FILES, PICTURE = "files", "picture.png"
"""Of an attempt."""

_MADE_MEANWHILE = "somebody made it while the case was written"

_ELSEWHERE = "Choose another folder"

GO_ON = f"What is written stands: when that is mended, {Remedy.RESUME}"
"""What helps where the system refuses something on the way."""

_BLOCK_BYTES = 1 << 20

_ATTEMPT_BYTES = 6
"""That make the name of an attempt its own."""

_ATTEMPT = re.compile(rf".+\.[0-9a-f]{{{2 * _ATTEMPT_BYTES}}}", re.DOTALL)
"""What attempts are called."""


class BatchFolder:
    """OUT of one batch."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._own = out / ".segrle"
        self.work, self.pictures = self._own / "work", self._own / "pictures"

    @property
    def journal(self) -> Path:
        """The file with a line for each time a case ended."""
        return self.out / JOURNAL

    @property
    def page(self) -> Path:
        """The page for a person."""
        return self.out / PAGE

    def picture(self, case: str) -> Path:
        """Return where the picture of a case is, if it has one."""
        return self.pictures / f"{case}.png"

    def new_attempt(self, case: str) -> Path:
        """Make the folder of one attempt at a case. Raises OSError."""
        attempt = self.work / f"{case}.{secrets.token_hex(_ATTEMPT_BYTES)}"
        attempt.mkdir()
        (attempt / FILES).mkdir()
        return attempt

    @contextmanager
    def used(self, *, resume: bool) -> Iterator[None]:
        """Hold the folder for one run, ready for attempts; what earlier runs wrote down stands in its place then.

        Raises `BatchFolderError` if another run works in it, a batch is there and is not to be resumed, or what has the
        name of a file of a batch is none.
        """
        is_new = not os.path.lexists(self.out)
        try:
            refuse_foreign(self._own, self.journal, self.page)
            for part in (self.out, self._own, self.work, self.pictures):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(self.out, error, _ELSEWHERE) from error
        with held(self._own / "lock", self.out):
            self._begin(resume=resume)
            try:
                yield
            finally:
                with suppress(OSError):  # the next run tidies
                    self._tidy()
                if is_new and not self.journal.exists():
                    self._leave_nothing()

    def _leave_nothing(self) -> None:
        """Remove the folder that a run made, and in which not one case came to an end."""
        with suppress(OSError):  # somebody else has put something there
            shutil.rmtree(self._own)
            self.out.rmdir()

    def _begin(self, *, resume: bool) -> None:
        try:
            if self.journal.exists() and not resume:
                raise BatchFolderError(self.out, f"it holds a batch already; {Remedy.RESUME}, or choose another folder")
            self._end_torn_line()
            self._tidy()
        except OSError as error:
            raise _unusable(self.out, error, _ELSEWHERE) from error

    def _tidy(self) -> None:
        """Move the files that a line tells of, and remove all other attempts, and nothing that is none.

        One that a worker of a run that is no more still writes in goes the next time.
        """
        for outcome in self.written().values():
            if (self.work / outcome.attempt / FILES).is_dir():
                self._move(outcome)
        for left in self.work.iterdir():
            if _ATTEMPT.fullmatch(left.name):
                shutil.rmtree(left, ignore_errors=True)

    def _end_torn_line(self) -> None:
        """A run that was killed while it wrote leaves half a line: the next begins on a line of its own."""
        if self.journal.exists() and not self.journal.read_bytes().endswith(b"\n") and self.journal.stat().st_size:
            self._write("\n")

    def settle(self, outcome: Outcome) -> Outcome:
        """Write a line, see it onto the disk, and only then give the files their place; return what holds then.

        Raises `BatchFolderError` if no line can be written.
        """
        self._append(outcome)
        hindrance = self._move(outcome) if outcome.is_written else ""
        if hindrance:
            outcome = refused(self.out, replace(outcome, files=(), findings=()), hindrance)
            self._append(outcome)
        return outcome

    def _move(self, outcome: Outcome) -> str:
        """Give the files of an attempt their place, where nothing stands yet; return what hinders it, as a clause."""
        attempt = self.work / outcome.attempt
        try:
            if (attempt / PICTURE).exists():
                (attempt / PICTURE).replace(self.picture(outcome.case))
            (attempt / FILES).rename(self.out / outcome.case)
            attempt.rmdir()
        except OSError as error:
            return _MADE_MEANWHILE if self.is_taken(outcome.case) else f"{error.strerror or error}"
        return ""

    def is_taken(self, case: str) -> bool:
        """Tell whether something has the name of the case."""
        return os.path.lexists(self.out / case)

    def _append(self, outcome: Outcome) -> None:
        try:
            self._write(json.dumps(outcome.to_json(), ensure_ascii=False) + "\n")
        except OSError as error:
            raise _unusable(self.out, error, GO_ON) from error

    def _write(self, text: str) -> None:
        with self.journal.open("ab") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())

    def outcomes(self) -> dict[str, Outcome]:
        """Return the last outcome of each case; lines that are none are passed over."""
        return {outcome.case: outcome for outcome in self._lines()}

    def written(self) -> dict[str, Outcome]:
        """Return the last outcome of each case that was written, whatever a later run was refused."""
        return {outcome.case: outcome for outcome in self._lines() if outcome.is_written}

    def _lines(self) -> Iterator[Outcome]:
        if self.journal.exists():
            lines = self.journal.read_bytes().decode("utf-8", "surrogateescape").split("\n")
            yield from filter(None, map(outcome_of, lines))


def _unusable(out: Path, error: OSError, remedy: str) -> BatchFolderError:
    """Return what a person is told where the system refuses something in the folder of a batch."""
    where = Path(error.filename) if isinstance(error.filename, (str, os.PathLike)) else out
    is_no_folder = isinstance(error, FileExistsError) and not where.is_dir()
    reason = "it is no folder" if is_no_folder else error.strerror or str(error)
    if error.errno == errno.ENAMETOOLONG:
        remedy = "Choose a shorter name"
    return BatchFolderError(where, f"{reason}. {remedy}")


def refused(out: Path, outcome: Outcome, reason: str) -> Outcome:
    """Return the outcome of a case whose place is taken; `reason` is a clause."""
    place = out / outcome.case
    told = BatchFolderError(
        place, f"{reason}. Move {place} away and resume, which writes it anew, or choose another folder"
    )
    return replace(outcome, ending=Ending.REFUSED, reason=str(told))


def files_in(folder: Path, case: str) -> tuple[CaseFile, ...]:
    """Return what stands in a folder and below, by name, as files of that case. Raises OSError."""
    os.stat(folder)  # rglob finds nothing where nothing is
    found = (path for path in folder.rglob("*") if not path.is_dir())
    return tuple(
        CaseFile(f"{case}/{path.relative_to(folder).as_posix()}", path.stat().st_size, _sha256(path))
        for path in sorted(found)
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
