"""What pre-flight and the export itself have to say, each with a stable id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any

from SegRLEExportLib.model.counted import first_of
from SegRLEExportLib.model.printable import printable
from SegRLEExportLib.model.remedy import Remedy, worded

_SEGMENTS_SHOWN = 3


class Severity(str, Enum):
    """How much a finding matters."""

    ERROR = "error"
    """The export is refused."""
    WARNING = "warning"
    """The file will differ from what one might expect, in the way that is said."""
    REPAIR = "repair"
    """A value of the source headers was not valid; what is written instead is said."""
    NOTE = "note"
    """Good to know."""


@dataclass(frozen=True)
class Finding:
    """One observation about an export."""

    id: str
    """Stable and short, words joined by hyphens, for scripts to test."""
    severity: Severity
    what: str
    """One sentence for a person, with its full stop."""
    where: str = ""
    """Segment name, tag, slice or file; empty if it concerns the whole."""
    help: str = ""
    """What the user can do, as a sentence; empty if nothing is needed."""
    details: tuple[str, ...] = ()
    """What is told only to who asks for more, a sentence each."""

    def __str__(self) -> str:
        return printable(f"{self.severity.value}: {self.told}")

    @property
    def told(self) -> str:
        """Where it is, what it is, and what helps."""
        place = f"{self.where}: " if self.where else ""
        remedy = f" {self.help}" if self.help else ""
        return f"{place}{self.what}{remedy}"

    def in_words(self, words: Mapping[Remedy, str]) -> Finding:
        """Return the finding with what helps in the words of a door; what it found stays as it is."""
        return replace(self, help=worded(self.help, words))

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        return {**asdict(self), "severity": self.severity.value, "details": list(self.details)}


def of_segments(finding: Finding, names: list[str]) -> Iterator[Finding]:
    """Yield what is true of the segments of those names, if there are any."""
    if names:
        yield replace(finding, where=first_of(names, _SEGMENTS_SHOWN), details=tuple(names))


def errors_in(findings: Iterable[Finding]) -> list[Finding]:
    """Return those of the findings that stand in the way."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]


_OTHERS_NAMED = 3

_OF_ONE_CASE = re.compile(r"\([^)]*\)|\d[\d.]*")
"""What differs between two findings that have one cause: counts and lists."""


def one_for_each_cause(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings with those that say the same told once: the first, and of whom else it is true.

    What the others say stands in the details.
    """
    causes: dict[tuple[str, Severity, str], list[Finding]] = {}
    for finding in findings:
        causes.setdefault((finding.id, finding.severity, _OF_ONE_CASE.sub("#", finding.what)), []).append(finding)
    return [_together(*same) if len(same) > 1 else same[0] for same in causes.values()]


def _together(first: Finding, *others: Finding) -> Finding:
    places = list(dict.fromkeys(other.where for other in others if other.where not in ("", first.where)))
    if not places:
        return replace(first, details=(*first.details, *map(str, others)))
    what = f"{first.what} The same applies to {len(places)} more ({first_of(places, _OTHERS_NAMED)})."
    return replace(first, what=what, details=(*first.details, *map(str, others)))
