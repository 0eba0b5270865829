"""The pixels of an instance's frames, one frame at a time: masks of a segment, or planes of labels.

Everything is read from the layers where they lie; only one frame is ever held. Nothing here knows
how pixels become bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.frames import FrameIndex
from SegRLEExportLib.model.segmentation import Labels, Segmentation
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


class LabelPlanes:
    """Planes of labels of segments that do not overlap, each segment under its own number."""

    def __init__(
        self,
        segmentation: Segmentation,
        layers: list[SampledLayer],
        index: FrameIndex,
        numbers: dict[int, int],
        shape: tuple[int, int],
        dtype: type[np.unsignedinteger[Any]],
    ) -> None:
        """`numbers` gives the stored value for each position of a segment in the segmentation."""
        self._plane: Labels = np.zeros(shape, dtype=dtype)
        self._parts: list[_LabelPart] = []
        for layer_index, layer in enumerate(layers):
            number_of = {
                position: number
                for position, number in numbers.items()
                if segmentation.segments[position].layer_index == layer_index
            }
            if number_of:
                values = {segmentation.segments[position].layer_value: number for position, number in number_of.items()}
                present = index.values_in_layer[layer_index]
                is_stored_already = all(values.get(value) == value for value in present)
                first_row, stop_row = index.rows_in_use(list(number_of))
                table = None if is_stored_already else _lookup_table(values, present, dtype)
                self._parts.append(_LabelPart(layer, first_row, stop_row, table))

    def plane(self, plane_index: int) -> Labels:
        """Return the labels of that plane, (rows, columns); valid until the next call."""
        parts = [part for part in self._parts if part.stop_row[plane_index]]
        if len(parts) == 1 and parts[0].table is None:
            region = parts[0].layer.region(plane_index)
            if region is not None and _is_like(region.labels, self._plane):
                return region.labels
        self._plane.fill(0)
        for part in parts:
            self._add(part, plane_index)
        return self._plane

    def _add(self, part: _LabelPart, plane_index: int) -> None:
        region = part.layer.region(plane_index)
        if region is None:
            return
        first, stop = part.first_row[plane_index], part.stop_row[plane_index]
        labels = region.labels[first - region.first_row : stop - region.first_row]
        if part.table is not None:
            labels = np.take(part.table, labels, mode="clip")
        target = self._plane[first:stop, region.first_column : region.first_column + labels.shape[1]]
        np.bitwise_or(target, labels.astype(target.dtype, copy=False), out=target)


@dataclass(frozen=True)
class _LabelPart:
    """What one layer adds to the planes."""

    layer: SampledLayer
    first_row: NDArray[np.int32]
    """(planes,), first row of each plane with a voxel to add."""
    stop_row: NDArray[np.int32]
    """(planes,), one past the last such row; 0 where there is none."""
    table: Labels | None
    """The stored value for each value of the layer; None if they are the same."""


def _is_like(labels: Labels, plane: Labels) -> bool:
    return labels.shape == plane.shape and labels.dtype == plane.dtype


def _lookup_table(values: dict[int, int], present: frozenset[int], dtype: type[np.unsignedinteger[Any]]) -> Labels:
    """Return the stored value for each value of a layer; 0 for those of other segments."""
    table = np.zeros(max(present | values.keys()) + 1, dtype=dtype)
    table[list(values)] = list(values.values())
    return table
