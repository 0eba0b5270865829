"""What an export did, for a person and for a script."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from SegRLEExportLib.encoding.plan import EncodingPlan
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding, Severity, one_for_each_cause
from SegRLEExportLib.model.printable import printable_lines

_PIXELS_ALONE = "its pixels alone at one bit each"

_WITHOUT_PLACE = "images-without-place"
"""The finding of images that have no place in the patient."""

_GET_VOLUME = "highdicom's get_volume"
"""Fails where highdicom reads frame by frame."""

_NAMED_FOR = {"dcmqi": ("3D Slicer", "dcmqi"), "highdicom": ("highdicom",)}
"""How the table of encodings begins to name who reads with a library."""


@dataclass(frozen=True)
class Verification:
    """What was compared after reading a file back."""

    reader: str
    """The software that decoded the pixels."""
    frames: int
    """Frames compared, each in all its pixels."""
    voxels: int
    """Voxels of segments found at their places."""


class SightOutcome(str, Enum):
    """What became of the reading of a file by another program."""

    RIGHT = "right"
    DIFFERENT = "shows something else"
    CANNOT_READ = "cannot read"
    NOT_AT_HAND = "not at hand"


_FAILURES = (SightOutcome.DIFFERENT, SightOutcome.CANNOT_READ)


@dataclass(frozen=True)
class Sight:
    """What another program saw in a file, voxels and names compared."""

    reader: str
    version: str
    """Empty where it did not come to reading."""
    outcome: SightOutcome
    reason: str
    """What it shows otherwise, or why it was not read, in the program's own words where it has any."""
    seconds: float

    def __str__(self) -> str:
        name = f"{self.reader} {self.version}".strip()
        if self.outcome is SightOutcome.RIGHT:
            return f"{name}: right ({self.seconds:.1f} s)"
        told = "not available" if self.outcome is SightOutcome.NOT_AT_HAND else self.outcome.value
        return f"{name}: {told} ({self.reason})"


@dataclass(frozen=True)
class WrittenSegment:
    """One segment as it stands in a file."""

    number: int
    """Segment Number (0062,0004)."""
    name: str
    voxels: int


@dataclass(frozen=True)
class WrittenInstance:
    """One file."""

    path: Path
    series_instance_uid: str
    """Each file is a series of its own."""
    sop_instance_uid: str
    bytes: int
    frames: int
    segments: tuple[WrittenSegment, ...]
    verification: Verification | None
    """None if verification was switched off."""
    sights: tuple[Sight, ...] = ()
    """What other programs saw; empty if they were not asked."""


@dataclass(frozen=True)
class Report:
    """The outcome of one export; `str()` of it is for a person, `to_json` for a script."""

    plan: EncodingPlan
    source_series: str
    """One line about the source."""
    instances: tuple[WrittenInstance, ...]
    findings: tuple[Finding, ...]
    bit_packed_bytes: int
    """What the pixels of the same frames take as one bit each, without any header."""
    seconds: float
    not_read_by: tuple[str, ...] = ()
    """Readers of volumes that fail on these very files, although they read the encoding."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that were written."""
        return tuple(instance.path for instance in self.instances)

    @property
    def series_instance_uid(self) -> str:
        """The series of the first file; the others have their own."""
        return self.instances[0].series_instance_uid

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(instance.bytes for instance in self.instances)

    @property
    def ratio(self) -> float:
        """How many times smaller the files are than bit-packed pixels alone."""
        return self.bit_packed_bytes / self.bytes

    @property
    def is_verified(self) -> bool:
        """Whether every file was read back and compared."""
        return all(instance.verification is not None for instance in self.instances)

    def __str__(self) -> str:
        lines = [
            f"{self.plan.title} ('{self.plan.id}'), {size_text(self.bytes)}, {self._comparison()}, {self.seconds:.2f} s"
        ]
        for instance in self.instances:
            frames = counted(instance.frames, "frame")
            lines.append(f"  {instance.path}: {size_text(instance.bytes)}, {frames}, {_verified(instance)}")
            if len(self.instances) > 1:
                names = ", ".join(f"{segment.number} {segment.name}" for segment in instance.segments)
                lines.append(f"    series {instance.series_instance_uid}, segments: {names}")
        lines.append(f"  opens in: {self._opens_in()}")
        lines.append(f"  known problems: {self._fails_in()}")
        lines.extend(f"  not asked: {sight}" for sight in self._seen((SightOutcome.NOT_AT_HAND,)))
        lines.extend(f"  {finding}" for finding in one_for_each_cause(self.findings))
        return printable_lines(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return {
            "compression": self.plan.id,
            "segmentation_type": self.plan.segmentation_type.value,
            "transfer_syntax_uid": str(self.plan.transfer_syntax),
            "series_instance_uid": self.series_instance_uid,
            "source_series": self.source_series,
            "bytes": self.bytes,
            "bit_packed_bytes": self.bit_packed_bytes,
            "seconds": round(self.seconds, 4),
            "verified": self.is_verified,
            "instances": [{**asdict(instance), "path": str(instance.path)} for instance in self.instances],
            "findings": [finding.to_json() for finding in self.findings],
            **self.readers_json(),
        }

    def readers_json(self) -> dict[str, Any]:
        """Return who reads it, and who does not, as members of a JSON object."""
        return {
            "reads_in": self._reads_in(),
            "not_read_by": list(self.not_read_by),
            "fails_in": self.plan.fails_in,
        }

    def _opens_in(self) -> str:
        """Return who was seen to read it where other programs were asked, and what the table of encodings says."""
        right = self._seen((SightOutcome.RIGHT,))
        return f"{'; '.join(right)}. Measured before: {self._reads_in()}" if right else self._reads_in()

    def _reads_in(self) -> str:
        """Return the readers that the table of encodings names, without those that fail on these very files."""
        failing = [sight.reader for one in self.instances for sight in one.sights if sight.outcome in _FAILURES]
        failing.extend(reader for reader in self.not_read_by if reader != _GET_VOLUME)
        begins = tuple(name for library in _NAMED_FOR for name in _NAMED_FOR[library] if _are_with(library, failing))
        if failing and ", " not in self.plan.reads_in:
            return f"{self.plan.reads_in}, but not {' or '.join(dict.fromkeys(failing))}"
        left = [reader for reader in self.plan.reads_in.split(", ") if not reader.startswith(begins)]
        if _GET_VOLUME in self.not_read_by:
            left = ["highdicom (frame by frame)" if reader == "highdicom" else reader for reader in left]
        return ", ".join(left)

    def _fails_in(self) -> str:
        """Return who was seen to fail, the readers that fail on these very planes, and what the table says."""
        told = [f"{sight}." for sight in self._seen(_FAILURES)]
        if self.not_read_by:
            is_without_place = any(finding.id == _WITHOUT_PLACE for finding in self.findings)
            why = "its images have no place in the patient" if is_without_place else "of where its planes lie"
            readers = " and ".join(self.not_read_by)
            told.append(f"Because {why}, this file is not opened correctly by {readers}.")
        return " ".join((*told, self.plan.fails_in))

    def _seen(self, outcomes: Collection[SightOutcome]) -> list[str]:
        """Return what other programs saw, that of those outcomes, each once."""
        seen = [
            f"{instance.path.name}: {sight}" if len(self.instances) > 1 else str(sight)
            for instance in self.instances
            for sight in instance.sights
            if sight.outcome in outcomes
        ]
        return list(dict.fromkeys(seen))

    def of_severity(self, *severities: Severity) -> tuple[Finding, ...]:
        """Return the findings of those severities."""
        return tuple(finding for finding in self.findings if finding.severity in severities)

    def _comparison(self) -> str:
        if not self.bit_packed_bytes:
            return "no pixel is segmented"
        times = f"{max(self.ratio, 1 / self.ratio):.1f}"
        if times == "1.0":
            return f"about as large as {_PIXELS_ALONE}"
        return f"{times} times {'smaller' if self.ratio > 1 else 'larger'} than {_PIXELS_ALONE}"


def _are_with(library: str, readers: Collection[str]) -> bool:
    """Tell whether one of the readers reads with a library."""
    return any(library in reader for reader in readers)


def _verified(instance: WrittenInstance) -> str:
    check = instance.verification
    if check is None:
        return "not verified"
    return f"verified: {_all(check.voxels)} of {counted(check.frames, 'frame')} read back right by {check.reader}"


def _all(voxels: int) -> str:
    return "the 1 segmented voxel" if voxels == 1 else f"all {voxels} segmented voxels"


def size_text(count: int) -> str:
    """Return a number of bytes for a person."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} bytes"
