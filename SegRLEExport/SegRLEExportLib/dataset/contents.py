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
    """What all instances of one export have in common."""

    series_uid: str
    dimension_uid: str
    now: datetime

    @classmethod
    def made_by(cls, options: ExportOptions) -> SeriesIdentity:
        """Return new UIDs and the present time, from where the options say."""
        return cls(options.new_uid(), options.new_uid(), options.now())


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
        return self.plan.bits_allocated(len(self.instance.segment_positions))
