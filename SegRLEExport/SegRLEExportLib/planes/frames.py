"""Which planes of which segment hold voxels, and their row bounds: an index, no pixel copies.

The runs of each plane answer for all its segments at once. Nothing here knows bytes or files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.planes.plane_runs import PlaneRuns
from SegRLEExportLib.planes.runs import Runs
from SegRLEExportLib.progress import Progress


@dataclass(frozen=True)
class FrameIndex:
    """Three tables, each (segments, planes), in the order of the segmentation and the stack."""

    voxels: NDArray[np.int64]
    """Number of voxels; 0 where the segment does not touch the plane."""
    first_row: NDArray[np.int32]
    """First row with a voxel; meaningless where there is none."""
    last_row: NDArray[np.int32]

    @classmethod
    def of_nothing(cls, segment_count: int, plane_count: int) -> FrameIndex:
        """Return tables without a voxel, to be filled in."""
        shape = segment_count, plane_count
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.int32), np.zeros(shape, np.int32))

    @property
    def segment_voxels(self) -> NDArray[np.int64]:
        """(segments,), voxels of each segment on all planes."""
        counts: NDArray[np.int64] = self.voxels.sum(axis=1)
        return counts


def index_frames(segmentation: Segmentation, runs: PlaneRuns, plane_count: int, progress: Progress) -> FrameIndex:
    """Return where the segments' voxels are, from one look at each plane of each layer."""
    index = FrameIndex.of_nothing(len(segmentation.segments), plane_count)
    for layer_index, positions in segmentation.positions_of_layers.items():
        values = [segmentation.segments[position].layer_value for position in positions]
        of_values = FrameIndex.of_nothing(max(values) + 2, plane_count)
        for plane_index in range(plane_count):
            progress.step()
            found = runs.of(layer_index, plane_index)
            if found is not None:
                _enter(found, plane_index, of_values)
        index.voxels[positions] = of_values.voxels[values]
        index.first_row[positions] = of_values.first_row[values]
        index.last_row[positions] = of_values.last_row[values]
    return index


def _enter(runs: Runs, plane_index: int, of_values: FrameIndex) -> None:
    """Enter a plane for each value that a label can have; the last one stands for all that are greater."""
    size = len(of_values.voxels)
    values = runs.values.clip(max=size - 1) if size <= np.iinfo(runs.values.dtype).max else runs.values
    rows = runs.starts // runs.columns
    of_values.voxels[:, plane_index] = np.bincount(values, weights=runs.lengths, minlength=size)
    of_values.last_row[values, plane_index] = rows
    of_values.first_row[values[::-1], plane_index] = rows[::-1]
