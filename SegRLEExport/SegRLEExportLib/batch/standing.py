"""Whether what stands in the place of a case is what a run was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from SegRLEExportLib.batch.cases import Case
from SegRLEExportLib.batch.folder import files_in
from SegRLEExportLib.batch.inputs import changed_input, inputs_of
from SegRLEExportLib.batch.outcome import CaseFile, Outcome


def difference(out: Path, known: Outcome | None, case: Case, defaults: Mapping[str, Any]) -> str:
    """Return what stands in the place of a case beside what was asked for, as a clause; empty if it is the same.

    `known` is the outcome of the run that wrote it, if one did; its files are the same to the last byte, and so are
    the options, of which each may be left out that says its default.
    """
    if known is None:
        return "it was there before, and no run of a batch wrote it"
    return (
        _other_option(known.asked, case.asked, defaults)
        or changed_input(known.inputs, inputs_of(case))
        or _other_files(out, known)
    )


def _other_option(before: Mapping[str, Any], asked: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    for name in sorted({*before, *asked}):
        then, now = (_meant(values.get(name), defaults.get(name)) for values in (before, asked))
        if then != now:
            return f"an earlier run wrote it with {name} {_told(then)}, and this one has {_told(now)}"
    return ""


def _meant(value: Any, default: Any) -> Any:
    """Return the value of an option, None where it is as if it had not been given."""
    says_nothing = value is False or value in (None, "", []) or value == default
    return None if says_nothing else value


def _told(value: Any) -> str:
    return "nothing" if value is None else repr(value)


def _other_files(out: Path, known: Outcome) -> str:
    try:
        return _first_difference(known.files, files_in(out / known.case, known.case))
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"


def _first_difference(written: Iterable[CaseFile], found: Iterable[CaseFile]) -> str:
    before, now = ({file.path: file for file in files} for files in (written, found))
    for path in sorted({*before, *now}):
        if path not in now:
            return f"its file {path} is gone"
        if path not in before:
            return f"the file {path} was added to it"
        if before[path] != now[path]:
            return f"its file {path} was changed after it was written"
    return ""
