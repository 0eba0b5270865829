"""The images that were segmented, as far as a SEG must name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pydicom import Dataset

from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding
from SegRLEExportLib.model.geometry import PlaneStack


class SourceFrame(NamedTuple):
    """One image plane: a single-frame instance, or one frame of a multi-frame instance."""

    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None = None
    """From 1; None for a single-frame instance."""


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """The planes of one volume of a series, and the attributes a SEG takes over from it."""

    header: Dataset
    """Dataset of one of its instances, without pixels. Never changed."""
    frames: tuple[SourceFrame, ...]
    """In the order of the stack."""
    stack: PlaneStack
    slice_thickness_mm: float | None = None
    """Slice Thickness (0018,0050), if all planes have the same."""
    findings: tuple[Finding, ...] = ()
    """What reading the series had to say."""

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.stack):
            raise ValueError(f"{len(self.frames)} frames do not fit {len(self.stack)} planes")

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID (0020,000E)."""
        return text_of(self.header, "SeriesInstanceUID")

    @property
    def description(self) -> str:
        """One line for a person: modality, number, description, planes."""
        modality = text_of(self.header, "Modality") or "?"
        number = text_of(self.header, "SeriesNumber") or "?"
        name = text_of(self.header, "SeriesDescription") or "no description"
        return (
            f"{self.series_instance_uid}  {modality}, series {number}, {name}: "
            f"{counted(len(self.stack), 'plane')} of {self.stack.rows} x {self.stack.columns}"
        )


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return a value as text; empty where there is none, or none that can be converted."""
    try:
        value = dataset.get(keyword)
        return "" if value is None else str(value)
    except Exception:  # pydicom raises whatever the conversion of a damaged value raises
        return ""
