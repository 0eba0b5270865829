"""What the attributes of one file say, as plain values: the dataset is made from these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydicom import Dataset

from SegRLEExportLib.encoding.instances import Instance
from SegRLEExportLib.encoding.plan import EncodingPlan
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.options import ExportOptions


@dataclass(frozen=True)
class SeriesIdentity:
    """The series of one file: each has its own, as OHIF shows one segmentation of a series and drops the others."""

    series_uid: str
    dimension_uid: str
    now: datetime
    """The same for all series of one export."""
    number: int
    """Which of them this is, from 1."""
    count: int

    @classmethod
    def made_by(cls, options: ExportOptions, count: int) -> list[SeriesIdentity]:
        """Return `count` series with new UIDs and the present time, from where the options say."""
        now = options.now()
        return [cls(options.new_uid(), options.new_uid(), now, number, count) for number in range(1, count + 1)]


@dataclass(frozen=True, eq=False)
class Contents:
    """One SOP instance without its pixels."""

    plan: EncodingPlan
    options: ExportOptions
    identity: SeriesIdentity
    instance: Instance
    sop_uid: str
    segmentation: Segmentation
    source: SourceSeries
    stack: PlaneStack
    """The planes on which frames lie."""
    slice_thickness_mm: float
    source_frames: tuple[SourceFrame | None, ...]
    """For each plane, the source frame that lies in it."""
    copied: Dataset
    """Attributes taken over from the source, valid."""

    @property
    def bits_allocated(self) -> int:
        """Bits Allocated (0028,0100)."""
        return self.plan.bits_allocated(self.instance.largest_number)
