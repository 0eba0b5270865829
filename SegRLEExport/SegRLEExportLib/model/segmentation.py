"""The segmentation as this package sees it: plain values, no scene and no file.

Layers are label arrays as Slicer shares them among segments; they are never copied and never
written to. Nothing here knows DICOM tags or Slicer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.finding import Finding
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.terminology import SegmentTerminology

Labels = NDArray[np.unsignedinteger[Any]]
"""uint8 or uint16."""


_COUNTED_AT_ONCE = 1 << 18
"""Labels that are counted together: each is widened to 8 bytes for it, and 2 MB stay in the processor's cache."""


def voxels_of_values(labels: Labels) -> NDArray[np.int64]:
    """Return how many voxels hold each value that `labels` could have, in little memory."""
    counts = np.zeros(np.iinfo(labels.dtype).max + 1, dtype=np.int64)
    for part in [labels.reshape(-1)] if labels.flags.c_contiguous else labels:
        flat = part.reshape(-1)
        for first in range(0, flat.size, _COUNTED_AT_ONCE):
            found = np.bincount(flat[first : first + _COUNTED_AT_ONCE])
            counts[: found.size] += found
    return counts


class AlgorithmType(str, Enum):
    """Segment Algorithm Type (0062,0008)."""

    MANUAL = "MANUAL"
    SEMIAUTOMATIC = "SEMIAUTOMATIC"
    AUTOMATIC = "AUTOMATIC"


@dataclass(frozen=True, eq=False)
class Layer:
    """One label array that several segments may share; 0 is nobody's."""

    labels_kji: Labels
    """(k, j, i), read-only view."""
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.labels_kji.shape != self.geometry.shape_kji:
            raise ValueError(f"labels {self.labels_kji.shape} do not fit the geometry {self.geometry.shape_kji}")
        if self.labels_kji.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"labels must be uint8 or uint16, not {self.labels_kji.dtype}")
        view = self.labels_kji.view()
        view.flags.writeable = False
        object.__setattr__(self, "labels_kji", view)


@dataclass(frozen=True)
class Segment:
    """One segment: who it is, and where its voxels are to be found."""

    id: str
    """Slicer's segment ID: unique in the segmentation, kept when the segment is renamed."""
    name: str
    layer_index: int
    """Index into `Segmentation.layers`."""
    layer_value: int
    """The value, 1 or above, that marks this segment's voxels in its layer."""
    color_rgb: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Red, green and blue, each 0 to 1."""
    terminology: SegmentTerminology | None = None
    description: str = ""
    algorithm_type: AlgorithmType = AlgorithmType.SEMIAUTOMATIC
    algorithm_name: str = ""
    """Empty: the name of the segmentation's program is written where DICOM asks for one."""
    tracking_id: str = ""
    """What its file called it across studies, in words and as a UID; empty: made of the names."""
    tracking_uid: str = ""
    code_faults: tuple[str, ...] = field(default=(), compare=False)
    """Why codes that it was given are not in `terminology`, a clause each; no part of what the segment is."""


@dataclass(frozen=True)
class Origin:
    """What a DICOM SEG says it was drawn on; each text is empty where it says nothing."""

    patient_name: str = ""
    patient_id: str = ""
    frame_of_reference_uid: str = ""
    series_instance_uids: frozenset[str] = frozenset()
    has_place: bool = True
    """Whether it lies in the patient; else on the pixels of its images alone, as on radiographs."""


@dataclass(frozen=True)
class Segmentation:
    """Segments in the user's order, and the layers that hold their voxels."""

    name: str
    layers: tuple[Layer, ...]
    segments: tuple[Segment, ...]
    findings: tuple[Finding, ...] = ()
    """What reading or describing it had to say."""
    origin: Origin | None = None
    """None of what comes from no DICOM file."""
    has_values: bool = True
    """Whether the values in the layers are those of the file; masks have none, and were given theirs in a layer."""

    def __post_init__(self) -> None:
        for segment in self.segments:
            if not 0 <= segment.layer_index < len(self.layers):
                raise ValueError(f"segment {segment.id} names layer {segment.layer_index} of {len(self.layers)}")
            if not 0 < segment.layer_value <= np.iinfo(self.layers[segment.layer_index].labels_kji.dtype).max:
                raise ValueError(f"segment {segment.id} has the layer value {segment.layer_value}")
        places = [(segment.layer_index, segment.layer_value) for segment in self.segments]
        if len(set(places)) < len(places):
            raise ValueError("two segments share one value of one layer")

    @property
    def place_errors(self) -> tuple[Finding, ...]:
        """What was found of files that do not say where their voxels lie: only images without a place can be meant."""
        return tuple(finding for finding in self.findings if finding.id == "no-place")

    def on_images(self, *, have_place: bool) -> Segmentation:
        """Return this segmentation as it is for such images: where they have no place, none is needed."""
        return self if have_place else self.without_finding("no-place")

    @property
    def positions_of_layers(self) -> dict[int, list[int]]:
        """The positions of the segments of each layer that has any, in the order of the layers."""
        positions: dict[int, list[int]] = {}
        for position, segment in enumerate(self.segments):
            positions.setdefault(segment.layer_index, []).append(position)
        return dict(sorted(positions.items()))

    def number_tables(
        self, number_of: Mapping[int, int], dtype: np.dtype[np.unsignedinteger[Any]]
    ) -> dict[int, Labels]:
        """Return for each layer what number every value it could have stands for, 0 for nobody's.

        `number_of` gives the number of each segment that counts, by its position.
        """
        tables: dict[int, Labels] = {}
        for position, number in number_of.items():
            segment = self.segments[position]
            values = np.iinfo(self.layers[segment.layer_index].labels_kji.dtype).max + 1
            tables.setdefault(segment.layer_index, np.zeros(values, dtype=dtype))[segment.layer_value] = number
        return tables

    def without_finding(self, finding_id: str) -> Segmentation:
        """Return this segmentation without what reading it had to say, but what was told since has mended."""
        return replace(self, findings=tuple(one for one in self.findings if one.id != finding_id))

    def only(self, segment_ids: list[str]) -> Segmentation:
        """Return this segmentation with those segments alone, in this segmentation's order."""
        wanted = set(segment_ids)
        return replace(self, segments=tuple(segment for segment in self.segments if segment.id in wanted))
