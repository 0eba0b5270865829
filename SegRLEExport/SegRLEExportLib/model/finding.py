"""What pre-flight and the export itself have to say, each with a stable id."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum


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

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" {self.help}" if self.help else ""
        return f"{self.severity.value}: {place}{self.what}{remedy}"

    def to_json(self) -> dict[str, str]:
        """Return the finding as a JSON object."""
        return {**asdict(self), "severity": self.severity.value}
