"""Which planes of which segment hold voxels, and their row bounds: an index, no pixel copies.

The runs of each plane answer for all its segments at once. Nothing here knows bytes or files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.plane_runs import PlaneRuns
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.runs import Runs


@dataclass(frozen=True)
class FrameIndex:
    """Three tables, each (segments, planes), in the order of the segmentation and the stack."""

    voxels: NDArray[np.int64]
    """Number of voxels; 0 where the segment does not touch the plane."""
    first_row: NDArray[np.int32]
    """First row with a voxel; meaningless where there is none."""
    last_row: NDArray[np.int32]
    values_in_layer: tuple[frozenset[int], ...]
    """For each layer, the values found on the planes, 0 apart; some may belong to no segment."""

    @property
    def segment_voxels(self) -> NDArray[np.int64]:
        """(segments,), voxels of each segment on all planes."""
        counts: NDArray[np.int64] = self.voxels.sum(axis=1)
        return counts


def index_frames(segmentation: Segmentation, runs: PlaneRuns, plane_count: int, progress: Progress) -> FrameIndex:
    """Return where the segments' voxels are, from one look at each plane of each layer."""
    shape = (len(segmentation.segments), plane_count)
    voxels_of, first_row_of, last_row_of = (
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
    )
    values_in_layer = []
    for layer_index in range(len(runs.layers)):
        in_this_layer = [n for n, segment in enumerate(segmentation.segments) if segment.layer_index == layer_index]
        positions = np.array(in_this_layer, dtype=np.intp)
        values = np.array([segmentation.segments[n].layer_value for n in in_this_layer], dtype=np.intp)
        in_layer: NDArray[np.int64] | int = 0
        for plane_index in range(plane_count if values.size else 0):
            progress.step()
            found = runs.of(layer_index, plane_index)
            if found is None:
                continue
            voxels, first_row, last_row = _tables(found)
            in_layer = in_layer + voxels
            voxels_of[positions, plane_index] = voxels[values]
            first_row_of[positions, plane_index] = first_row[values]
            last_row_of[positions, plane_index] = last_row[values]
        values_in_layer.append(frozenset(np.flatnonzero(in_layer).tolist()) - {0})
    return FrameIndex(voxels_of, first_row_of, last_row_of, tuple(values_in_layer))


def _tables(runs: Runs) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Return, for every value a label can have, its pixels and its first and last row."""
    values = np.iinfo(runs.values.dtype).max + 1
    first_row, last_row = np.zeros(values, np.int32), np.zeros(values, np.int32)
    voxels = np.bincount(runs.values, weights=runs.lengths, minlength=values).astype(np.int64)
    run_rows = (runs.starts // runs.columns).astype(np.int32, copy=False)
    last_row[runs.values] = run_rows
    first_row[runs.values[::-1]] = run_rows[::-1]
    return voxels, first_row, last_row
