"""Everything that determines the bytes of one file, gathered before the first of them is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from SegRLEExportLib.dataset.contents import Contents, SeriesIdentity
from SegRLEExportLib.encoding.instances import Instance
from SegRLEExportLib.encoding.plan import EncodingPlan
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.preflight.survey import Survey


@dataclass(frozen=True, eq=False)
class Draft:
    """One SOP instance, ready to be written."""

    plan: EncodingPlan
    survey: Survey
    options: ExportOptions
    identity: SeriesIdentity
    instance: Instance
    sop_uid: str

    @cached_property
    def contents(self) -> Contents:
        """What the attributes of the file say."""
        survey = self.survey
        return Contents(
            plan=self.plan,
            options=self.options,
            identity=self.identity,
            instance=self.instance,
            sop_uid=self.sop_uid,
            segmentation=survey.segmentation,
            source=survey.source,
            stack=survey.stack,
            slice_thickness_mm=survey.slice_thickness_mm,
            source_frames=survey.source_frames,
            copied=survey.copied,
        )

    @property
    def bits_allocated(self) -> int:
        """Bits Allocated (0028,0100)."""
        return self.contents.bits_allocated

    @property
    def stored_dtype(self) -> type[np.unsignedinteger[Any]]:
        """The type of a pixel before it is coded."""
        return self.plan.stored_dtype(self.instance.largest_number)
