"""Do the frames of a file show the segmentation?

Frames of one segment are compared as sets of pixels: those in the file, those in the layer and those in both are
counted. Planes of labels are made again and compared pixel by pixel. Nothing of the writer's index or pixels is
used; as `sampling` is shared with it, one pixel of each frame is also looked up by bare matrix arithmetic.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.draft import Draft
from SegRLEExportLib.model.geometry import Matrix, PlaneStack
from SegRLEExportLib.model.segmentation import Labels, Layer, Segment
from SegRLEExportLib.read_back import FrameRecord, FrameRows
from SegRLEExportLib.sampling import SampledLayer

_NEAREST_VOXELS = 0.5 + 1e-3
"""A pixel may take its value from a voxel no farther than this along an axis; positions are rounded to be written."""


class PixelComparison:
    """Compares the frames of a file, whose planes are `stack`, with the segmentation of a draft."""

    def __init__(self, draft: Draft, stack: PlaneStack) -> None:
        self._draft = draft
        self._stack = stack
        self._layers = [SampledLayer(layer, stack) for layer in draft.survey.segmentation.layers]
        self._values = [self._values_of(layer_index) for layer_index in range(len(self._layers))]
        self._voxels: dict[tuple[int, int], dict[int, int]] = {}
        self._tables = self._tables_of_labels() if draft.plan.is_label_map else {}
        self._spots: list[tuple[int, int, int, int]] = []

    def wrong_pixels(self, frame: FrameRecord, plane: int, found: FrameRows) -> int:
        """Return how many pixels of that frame, which lies in that plane of the stack, are not as they should be."""
        self._remember_spot(frame.segment_number, plane, found)
        if self._draft.plan.is_label_map:
            wanted = self._wanted_labels(plane)
            return 0 if np.array_equal(found.pixels, wanted) else int(np.count_nonzero(found.pixels != wanted))
        segment = self._segment(frame.segment_number)
        wanted_voxels = self._voxels_on(segment.layer_index, plane).get(segment.layer_value, 0)
        stored_pixels = int(np.count_nonzero(found.pixels))
        return stored_pixels + wanted_voxels - 2 * self._shared_pixels(segment, plane, found)

    def misplaced_spots(self) -> list[str]:
        """Return those of the remembered pixels for which no voxel nearby holds their segment."""
        spots = np.array(self._spots, dtype=np.intp).reshape(-1, 4)
        wrong = []
        for number in np.unique(spots[:, 0]).tolist():
            segment = self._segment(number)
            lps = self._places_of(spots[spots[:, 0] == number, 1:])
            layer = self._draft.survey.segmentation.layers[segment.layer_index]
            for place in lps[~_is_near(layer, segment.layer_value, lps)]:
                wrong.append(
                    f"'{segment.name}' is at {place.round(2).tolist()} (LPS) in the file and not in the segmentation"
                )
        return wrong

    def _segment(self, segment_number: int) -> Segment:
        return self._draft.survey.segmentation.segments[self._draft.instance.segment_positions[segment_number - 1]]

    def _values_of(self, layer_index: int) -> NDArray[np.intp]:
        segments = self._draft.survey.segmentation.segments
        return np.array([s.layer_value for s in segments if s.layer_index == layer_index], dtype=np.intp)

    def _tables_of_labels(self) -> dict[int, Labels]:
        """Return, for each layer of the instance, the segment number for every value it could have."""
        segmentation, instance = self._draft.survey.segmentation, self._draft.instance
        dtype = self._draft.stored_dtype
        tables: dict[int, Labels] = {}
        for position, number in instance.numbers.items():
            segment = segmentation.segments[position]
            values = np.iinfo(segmentation.layers[segment.layer_index].labels_kji.dtype).max + 1
            tables.setdefault(segment.layer_index, np.zeros(values, dtype=dtype))[segment.layer_value] = number
        return tables

    def _wanted_labels(self, plane: int) -> Labels:
        dtype = next(iter(self._tables.values())).dtype
        wanted: Labels = np.zeros((self._stack.rows, self._stack.columns), dtype=dtype)
        for layer_index, table in self._tables.items():
            region = self._layers[layer_index].region(plane)
            if region is not None:
                rows, columns = region.labels.shape
                part = wanted[region.first_row :, region.first_column :][:rows, :columns]
                part |= _numbers_of(region.labels, table)
        return wanted

    def _voxels_on(self, layer_index: int, plane: int) -> dict[int, int]:
        """Return the voxels of each segment of a layer on a plane, by layer value."""
        if (layer_index, plane) not in self._voxels:
            region, values = self._layers[layer_index].region(plane), self._values[layer_index]
            if region is None:
                return {}
            counts = np.bincount(region.labels[region.labels > 0], minlength=values.max() + 1)[values]
            self._voxels[layer_index, plane] = dict(zip(values.tolist(), counts.tolist()))
        return self._voxels[layer_index, plane]

    def _shared_pixels(self, segment: Segment, plane: int, found: FrameRows) -> int:
        """Return how many pixels have the full value in the file and the segment's value in its layer."""
        region = self._layers[segment.layer_index].region(plane)
        if region is None:
            return 0
        top = max(found.first_row, region.first_row)
        bottom = min(found.first_row + len(found.pixels), region.first_row + len(region.labels))
        if top >= bottom:
            return 0
        labels = region.labels[top - region.first_row : bottom - region.first_row]
        stored = found.pixels[
            top - found.first_row : bottom - found.first_row,
            region.first_column : region.first_column + labels.shape[1],
        ]
        return int(np.count_nonzero((stored == self._draft.plan.full_value) & (labels == segment.layer_value)))

    def _remember_spot(self, segment_number: int, plane: int, found: FrameRows) -> None:
        """Keep one pixel of the frame that belongs to a segment."""
        if not found.pixels.size:
            return
        row, column = divmod(int(found.pixels.argmax()), found.pixels.shape[1])
        if value := int(found.pixels[row, column]):
            self._spots.append((segment_number or value, plane, found.first_row + row, column))

    def _places_of(self, spots: NDArray[np.intp]) -> Matrix:
        """Return the places, (n, 3) in LPS, of pixels given as (n, 3): plane, row, column."""
        plane, row, column = spots.T
        down = self._stack.pixel_spacing_mm[0] * self._stack.column_direction_lps
        right = self._stack.pixel_spacing_mm[1] * self._stack.row_direction_lps
        places: Matrix = self._stack.positions_lps[plane] + row[:, None] * down + column[:, None] * right
        return places


def _numbers_of(labels: Labels, table: Labels) -> Labels:
    """Return the number that `table` gives each label: ten times as fast where that is the label itself."""
    used = table[: int(labels.max(initial=0)) + 1]
    if np.array_equal(used, np.arange(len(used))):
        return labels.astype(table.dtype, copy=False)
    return np.take(table, labels, mode="clip")


def _is_near(layer: Layer, value: int, lps: Matrix) -> NDArray[np.bool_]:
    """Tell for each place, (n, 3), whether one of the voxels that are nearest to it holds the value."""
    labels: Labels = layer.labels_kji
    homogeneous = np.column_stack([lps, np.ones(len(lps))])
    kji = np.linalg.solve(layer.geometry.kji_to_lps, homogeneous.T)[:3]
    lowest = np.ceil(kji - _NEAREST_VOXELS).astype(np.intp)
    highest = np.floor(kji + _NEAREST_VOXELS).astype(np.intp)
    last = np.array(labels.shape)[:, None] - 1
    near = np.zeros(len(lps), dtype=bool)
    for k, j, i in product(*zip(lowest, highest)):
        voxel = np.stack([k, j, i])
        is_in_layer = ((voxel >= 0) & (voxel <= last)).all(axis=0)
        near[is_in_layer] |= labels[tuple(voxel[:, is_in_layer])] == value
    return near
