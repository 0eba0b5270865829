"""The pixels of an instance's frames, one frame at a time: masks of a segment, or runs of labels.

Masks are read from the layers where they lie, labels from the runs of their planes; only one frame is ever held.
Nothing here knows how pixels become bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.frames import FrameIndex
from SegRLEExportLib.model.segmentation import Labels, Segmentation
from SegRLEExportLib.plane_runs import PlaneRuns
from SegRLEExportLib.runs import Runs
from SegRLEExportLib.sampling import Region, SampledLayer


@dataclass(frozen=True)
class Mask:
    """One segment on one plane: where a region of a layer holds the segment's value."""

    region: Region
    value: int
    columns: int
    """Columns of the plane; the region may have fewer."""
    first_row: int
    """First row of the plane with a pixel of the segment."""
    stop_row: int
    """One past the last such row; equal to `first_row` for an empty mask."""

    def rows(self, first: int, stop: int) -> NDArray[np.bool_]:
        """Return the rows `first` to `stop` of the plane, (stop - first, columns), rows beyond the region as False."""
        labels, top, left = self.region.labels, self.region.first_row, self.region.first_column
        if labels.shape[1] == self.columns and top <= first and stop <= top + labels.shape[0]:
            mask: NDArray[np.bool_] = labels[first - top : stop - top] == self.value
            return mask
        filled = np.zeros((stop - first, self.columns), dtype=bool)
        from_row, to_row = max(first, top), min(stop, top + labels.shape[0])
        if from_row < to_row:
            part = filled[from_row - first : to_row - first, left : left + labels.shape[1]]
            np.equal(labels[from_row - top : to_row - top], self.value, out=part)
        return filled


_NOTHING = Region(np.zeros((0, 0), dtype=np.uint8), 0, 0)


def masks_of(
    segmentation: Segmentation,
    layers: list[SampledLayer],
    index: FrameIndex,
    columns: int,
    frames: Iterable[tuple[int, int]],
) -> Iterator[Mask]:
    """Yield the mask of each frame, given as (position of the segment in the segmentation, plane index)."""
    for segment_index, plane_index in frames:
        segment = segmentation.segments[segment_index]
        region = layers[segment.layer_index].region(plane_index)
        if region is None or not index.voxels[segment_index, plane_index]:
            yield Mask(_NOTHING, 0, columns, 0, 0)
            continue
        first, last = index.first_row[segment_index, plane_index], index.last_row[segment_index, plane_index]
        yield Mask(region, segment.layer_value, columns, int(first), int(last) + 1)


class LabelRuns:
    """Planes of labels of segments that do not overlap, each segment under its own number, as runs."""

    def __init__(
        self,
        segmentation: Segmentation,
        runs: PlaneRuns,
        index: FrameIndex,
        numbers: dict[int, int],
        dtype: type[np.unsignedinteger[Any]],
    ) -> None:
        """`numbers` gives the stored value for each position of a segment in the segmentation."""
        self._runs = runs
        self._dtype = dtype
        self._parts: list[_LabelPart] = []
        for layer_index in range(len(runs.layers)):
            in_this_layer = [n for n in numbers if segmentation.segments[n].layer_index == layer_index]
            if in_this_layer:
                values = {segmentation.segments[n].layer_value: numbers[n] for n in in_this_layer}
                has_voxels = index.voxels[in_this_layer].sum(axis=0) > 0
                table = _lookup_table(values, index.values_in_layer[layer_index], dtype)
                self._parts.append(_LabelPart(layer_index, has_voxels, table))

    def plane(self, plane_index: int) -> Runs:
        """Return the runs of that plane."""
        renumbered = [
            runs.with_values(part.table[runs.values])
            for part in self._parts
            if part.has_voxels[plane_index] and (runs := self._runs.of(part.layer_index, plane_index))
        ]
        if not renumbered:
            return Runs.blank(self._runs.rows, self._runs.columns, self._dtype)
        return reduce(Runs.together_with, renumbered)


@dataclass(frozen=True, eq=False)
class _LabelPart:
    """What one layer adds to the planes."""

    layer_index: int
    has_voxels: NDArray[np.bool_]
    """(planes,), whether there is a voxel to add."""
    table: Labels
    """The stored value for each value of the layer."""


def _lookup_table(values: dict[int, int], present: frozenset[int], dtype: type[np.unsignedinteger[Any]]) -> Labels:
    """Return the stored value for each value of a layer; 0 for those of other segments."""
    table = np.zeros(max(present | values.keys()) + 1, dtype=dtype)
    table[list(values)] = list(values.values())
    return table
