"""Everything that determines the bytes of one file, gathered before the first of them is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from SegRLEExportLib.encoding.plan import EncodingPlan
from SegRLEExportLib.instances import Instance
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.preflight import Survey


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
class Draft:
    """One SOP instance, ready to be written."""

    plan: EncodingPlan
    survey: Survey
    options: ExportOptions
    identity: SeriesIdentity
    instance: Instance
    sop_uid: str

    @property
    def bits_allocated(self) -> int:
        """Bits Allocated (0028,0100)."""
        return self.plan.bits_allocated(len(self.instance.segment_positions))

    @property
    def stored_dtype(self) -> type[np.unsignedinteger[Any]]:
        """The type of a pixel before it is coded."""
        return self.plan.stored_dtype(len(self.instance.segment_positions))
