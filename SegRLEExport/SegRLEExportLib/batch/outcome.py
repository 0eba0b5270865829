"""How a case ended: one line of the journal."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any


class Ending(str, Enum):
    """The ways a case ends."""

    WRITTEN = "written"
    """Its files are there, read back and compared unless that was switched off."""
    REFUSED = "refused"
    """It was told why it could not be."""
    TIMEOUT = "timeout"
    """It took longer than allowed, and its process was ended."""
    MEMORY = "out of memory"
    """It wanted more memory than a case may have."""
    KILLED = "process ended"
    """Its process ended: a crash, or somebody ended it."""
    FAULT = "fault"
    """An error that nobody foresaw: to be reported."""


_ADDED = ("inputs",)
"""Fields that lines of earlier versions do not have."""


@dataclass(frozen=True)
class CaseFile:
    """One file as it was written."""

    path: str
    """Below the folder of the batch, with slashes."""
    bytes: int
    sha256: str
    """Of its content, in hexadecimal digits."""


@dataclass(frozen=True)
class Outcome:
    """How one case ended."""

    case: str
    ending: Ending
    reason: str = ""
    """A sentence for a person; empty if it was written."""
    files: tuple[CaseFile, ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    """As `Finding.to_json` has them."""
    seconds: float = 0.0
    worker: str = ""
    """Machine and process, joined by a colon."""
    asked: Mapping[str, Any] = field(default_factory=dict)
    """As `Case.asked` has it."""
    attempt: str = ""
    """Name of the folder that its files were written in."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Of a case that was written, as `inputs.inputs_of` has them before they are read; earlier versions noted none."""

    @property
    def is_written(self) -> bool:
        """Whether its files are there."""
        return self.ending is Ending.WRITTEN

    @property
    def short_reason(self) -> str:
        """The first of several reasons, or of the things that it lists, and how many more there are."""
        first, *others = self.reason.strip().splitlines() or [""]
        if first.endswith(":") and others:
            first = f"{first} {others.pop(0).strip()}"
        return f"{first} (And {len(others)} more.)" if others else first

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a JSON object."""
        files = [vars(file) for file in self.files]
        return {**vars(self), "ending": self.ending.value, "files": files, "bytes": self.bytes}

    @classmethod
    def of_json(cls, line: Mapping[str, Any]) -> Outcome:
        """Return the outcome that `to_json` wrote; raises KeyError, TypeError or ValueError if it is none."""
        fields = {name: line[name] for name in cls.__dataclass_fields__ if name in line or name not in _ADDED}
        files = tuple(CaseFile(file["path"], file["bytes"], file["sha256"]) for file in line["files"])
        return cls(**{**fields, "ending": Ending(line["ending"]), "files": files, "findings": tuple(line["findings"])})


def outcome_of(line: str) -> Outcome | None:
    """Return the outcome in a line of the journal, None if it is none."""
    try:
        return Outcome.of_json(json.loads(line))
    except (ValueError, KeyError, TypeError):
        return None


def in_their_place(findings: Iterable[Mapping[str, Any]], made_in: str, place: str) -> tuple[Mapping[str, Any], ...]:
    """Return findings with the folder that the files will stand in, not the one that they were made in."""

    def told(value: Any) -> Any:
        if isinstance(value, list):
            return [told(one) for one in value]
        return value.replace(made_in, place) if isinstance(value, str) else value

    return tuple({name: told(value) for name, value in finding.items()} for finding in findings)


@dataclass(frozen=True)
class Alike:
    """Outcomes that have one ending and, but for what is of a case alone, one reason."""

    ending: Ending
    reason: str
    """That of the case, or with `...` in place of what differs where there are several."""
    cases: tuple[str, ...]


def alike(outcomes: Iterable[Outcome]) -> list[Alike]:
    """Return how cases ended, the most frequent first."""
    groups: dict[tuple[Ending, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.ending, _general_reason(outcome)].append(outcome)
    found = [
        Alike(ending, same[0].short_reason if len(same) == 1 else reason, tuple(one.case for one in same))
        for (ending, reason), same in groups.items()
    ]
    return sorted(found, key=lambda one: -len(one.cases))


_NAME_IN_A_SENTENCE = 3
"""Characters from which on a case's name is no word that stands in a sentence anyhow."""


def _general_reason(outcome: Outcome) -> str:
    """Return the reason with `...` for what is of this case alone: its attempt, paths, their last parts, name."""
    paths = [path for path in outcome.asked.values() if isinstance(path, str) and os.sep in path]
    own = [outcome.attempt, *paths, *(Path(path).name for path in paths), outcome.case]
    words = "|".join(re.escape(word) for word in own if len(word) >= _NAME_IN_A_SENTENCE)
    return re.sub(rf"(?<!\w)({words})(?!\w)", "...", outcome.short_reason)


def written_text(outcomes: Sequence[Outcome], stood: int) -> str:
    """Return how many of the cases are written, and how many of these stood before this run."""
    before = f" ({stood} of them before this run)" if stood else ""
    written = sum(outcome.is_written for outcome in outcomes)
    return f"{written} of {len(outcomes)} cases written{before}"
