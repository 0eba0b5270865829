"""The pixels of an instance's frames, one frame at a time: masks of a segment, or runs of labels.

Masks are read from the layers where they lie, labels from the runs of their planes; only one frame is ever held.
Nothing here knows how pixels become bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.segmentation import Labels, Segmentation
from SegRLEExportLib.planes.frames import FrameIndex
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.planes.regions import Slab
from SegRLEExportLib.planes.runs import Runs
from SegRLEExportLib.planes.sampling import SampledLayer, slabs_of


@dataclass(frozen=True)
class Masks:
    """One segment on neighbouring planes: where a slab of a layer holds the segment's value."""

    slab: Slab
    value: int
    columns: int
    """Columns of the planes; the slab may have fewer."""
    first_row: int
    """First row of the planes with a pixel of the segment."""
    stop_row: int
    """One past the last such row; equal to `first_row` for empty masks."""

    def __len__(self) -> int:
        return len(self.slab)

    def rows(self, first: int, stop: int) -> NDArray[np.bool_]:
        """Return the rows `first` to `stop`, (planes, stop - first, columns); what is beyond the slab is False."""
        labels, top, left = self.slab.labels, self.slab.first_row, self.slab.first_column
        if labels.shape[2] == self.columns and top <= first and stop <= top + labels.shape[1]:
            masks: NDArray[np.bool_] = labels[:, first - top : stop - top] == self.value
            return masks
        filled = np.zeros((len(self), stop - first, self.columns), dtype=bool)
        from_row, to_row = max(first, top), min(stop, top + labels.shape[1])
        if from_row < to_row:
            part = filled[:, from_row - first : to_row - first, left : left + labels.shape[2]]
            np.equal(labels[:, from_row - top : to_row - top], self.value, out=part)
        return filled


def masks_of(
    segmentation: Segmentation,
    layers: list[SampledLayer],
    index: FrameIndex,
    columns: int,
    frames: Iterable[tuple[int, int]],
    most: int,
) -> Iterator[Masks]:
    """Yield the masks of the frames, given as (position of the segment in the segmentation, plane index), in order.

    Up to `most` frames come together where they are neighbours.
    """
    layer_of = [layers[segment.layer_index] for segment in segmentation.segments]
    empty = Masks(Slab(np.zeros((1, 0, 0), dtype=np.uint8), 0, 0), 0, columns, 0, 0)
    for position, plane, count in slabs_of(frames, layer_of, most):
        slab = layer_of[position].slab(plane, count)
        bounds = _row_bounds(index, position, plane, count)
        if slab is None or bounds is None:
            yield from [empty] * count
        else:
            yield Masks(slab, segmentation.segments[position].layer_value, columns, *bounds)


def _row_bounds(index: FrameIndex, position: int, plane: int, count: int) -> tuple[int, int] | None:
    """Return the first row that a segment has on any of so many planes, and one past the last; None if it has none."""
    planes = slice(plane, plane + count)
    tables = (table[position, planes].tolist() for table in (index.voxels, index.first_row, index.last_row))
    used = [(first, last) for voxels, first, last in zip(*tables) if voxels]
    return (min(first for first, _ in used), max(last for _, last in used) + 1) if used else None


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
        for layer_index, in_layer in segmentation.positions_of_layers.items():
            in_this_layer = [n for n in in_layer if n in numbers]
            if in_this_layer:
                values = {segmentation.segments[n].layer_value: numbers[n] for n in in_this_layer}
                has_voxels = index.voxels[in_this_layer].sum(axis=0) > 0
                self._parts.append(_LabelPart(layer_index, has_voxels, _lookup_table(values, dtype)))

    def plane(self, plane_index: int) -> Runs:
        """Return the runs of that plane."""
        renumbered = [
            runs.with_values(np.take(part.table, runs.values, mode="clip"))
            for part in self._parts
            if part.has_voxels[plane_index] and (runs := self._runs.of(part.layer_index, plane_index))
        ]
        if not renumbered:
            return Runs.blank(self._runs.rows, self._runs.columns, self._dtype)
        return Runs.together(renumbered)


@dataclass(frozen=True, eq=False)
class _LabelPart:
    """What one layer adds to the planes."""

    layer_index: int
    has_voxels: NDArray[np.bool_]
    """(planes,), whether there is a voxel to add."""
    table: Labels
    """The stored value for each value of the layer, and for all that are greater."""


def _lookup_table(values: dict[int, int], dtype: type[np.unsignedinteger[Any]]) -> Labels:
    """Return the stored value for each value of a layer, 0 for others; the last stands for all that are greater."""
    table = np.zeros(max(values) + 2, dtype=dtype)
    table[list(values)] = list(values.values())
    return table
