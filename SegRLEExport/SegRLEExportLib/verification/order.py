"""What was asked for: all that a check may know of an export, and nothing of how it was carried out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from SegRLEExportLib.encoding.plan import EncodingPlan
from SegRLEExportLib.model.finding import Finding
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions


@dataclass(frozen=True, eq=False)
class Order:
    """One export, as the caller asked for it."""

    segmentation: Segmentation
    source: SourceSeries
    options: ExportOptions
    plan: EncodingPlan
    now: datetime
    """The time that the files state."""
    findings: tuple[Finding, ...]
    """What the caller was told: a value of the source may differ only where that was said."""

    doubtful: tuple[str, ...] = ()
    """Keywords of more attributes of the source that may not have been written as they are."""

    @cached_property
    def told(self) -> frozenset[str]:
        """Keywords of the attributes of which it was told that something else is written."""
        return frozenset(
            (*(finding.where.rpartition(" ")[2] for finding in self.findings if finding.where), *self.doubtful)
        )


@dataclass(frozen=True)
class OneFile:
    """Which of the files of an export is meant, and the UIDs that were chosen for it."""

    number: int
    """From 1."""
    count: int
    series_uid: str
    sop_uid: str
    voxels: int = 0
    """How many voxels its segments have, as the report will say."""
