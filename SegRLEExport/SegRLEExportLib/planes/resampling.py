"""Where pixels and voxels do not keep step: each pixel takes the voxel nearest to its centre.

Where rows and columns run along two axes of the layer, as on a finer or coarser grid, the voxels of all rows and those
of all columns are chosen once; at any other angle every pixel is looked up by itself. A plane is asked for by each of
its segments, so what was found is kept, as runs: a copy of the layer would not be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.geometry import TIE_OF_PIXELS, Matrix, nearest_voxel
from SegRLEExportLib.model.segmentation import Labels
from SegRLEExportLib.planes.regions import Region
from SegRLEExportLib.planes.runs import RunFinder, Runs

_NO_DRIFT_VOXELS = 1e-9
"""An axis along which a pixel moves less than that over a whole plane is an axis along which it does not move."""


class NearestVoxels:
    """The nearest voxels of a layer, plane by plane."""

    def __init__(
        self,
        labels: Labels,
        pixel_to_kji: Matrix,
        origins_kji: Matrix,
        shape: tuple[int, int],
        ties: Matrix,
    ) -> None:
        """`pixel_to_kji`, (3, 2), is the step from row to row and from column to column; `shape` is a plane's.

        `origins_kji`, (planes, 3), is where the first pixel of each plane lies. `ties`, (3,), says for each axis of the
        layer how far from the middle between two voxels a place is as near to one as to the other.
        """
        self._labels = labels
        self._pixel_to_kji = pixel_to_kji
        self._origins_kji = origins_kji
        self._shape = shape
        self._ties = ties
        self._finder = RunFinder()
        self._kept: dict[int, _Kept | None] = {}

    def region(self, plane_index: int) -> Region | None:
        """Return what the layer holds of that plane, without rows and columns that are 0; None if there is nothing."""
        if plane_index not in self._kept:
            labels = self._by_axes(plane_index) if self._axes is not None else self._by_pixel(plane_index)
            region = None if labels is None else _trimmed(*labels)
            self._kept[plane_index] = None if region is None else _Kept.of(region, self._finder)
        kept = self._kept[plane_index]
        return None if kept is None else kept.region()

    @cached_property
    def _axes(self) -> tuple[int, int] | None:
        """The axes of the layer along which rows and columns follow each other, if each is one and they are two."""
        moves = np.abs(self._pixel_to_kji) * np.array(self._shape) > _NO_DRIFT_VOXELS
        if moves.sum(axis=0).tolist() != [1, 1] or moves.sum(axis=1).max() > 1:
            return None
        row_axis, column_axis = moves.argmax(axis=0).tolist()
        return row_axis, column_axis

    def _by_axes(self, plane_index: int) -> tuple[Labels, int, int] | None:
        """Return the labels where the layer reaches, and their first row and column."""
        assert self._axes is not None
        row_axis, column_axis = self._axes
        slice_axis = 3 - row_axis - column_axis
        rows, first_row = self._voxels_met(plane_index, row_axis, along=0)
        columns, first_column = self._voxels_met(plane_index, column_axis, along=1)
        slice_index = int(nearest_voxel(self._origins_kji[plane_index, slice_axis], self._ties[slice_axis]))
        if not (0 <= slice_index < self._labels.shape[slice_axis] and rows.size and columns.size):
            return None
        plane = self._labels.transpose(slice_axis, row_axis, column_axis)[slice_index]
        return plane.take(rows, axis=0).take(columns, axis=1), first_row, first_column

    def _voxels_met(self, plane_index: int, axis: int, along: int) -> tuple[NDArray[np.intp], int]:
        """Return the voxels that the rows (`along` 0) or columns (1) of a plane meet, and the first that meets one."""
        steps = np.arange(self._shape[along]) * self._pixel_to_kji[axis, along]
        nearest = nearest_voxel(self._origins_kji[plane_index, axis] + steps, TIE_OF_PIXELS)
        (met,) = np.nonzero((nearest >= 0) & (nearest < self._labels.shape[axis]))
        return nearest[met], int(met[0]) if met.size else 0

    @cached_property
    def _from_first_pixel(self) -> Matrix:
        """(3, rows, columns), how far each pixel of a plane lies from the first, along the axes of the layer."""
        rows, columns = np.arange(self._shape[0])[:, None], np.arange(self._shape[1])[None, :]
        return np.stack([rows * along_row + columns * along_column for along_row, along_column in self._pixel_to_kji])

    def _by_pixel(self, plane_index: int) -> tuple[Labels, int, int] | None:
        """Return the labels of the whole plane, and 0, 0, as they begin with its first row and column."""
        inside = np.ones(self._shape, dtype=bool)
        nearest_kji = []
        halves = self._origins_kji[plane_index] + (0.5 + self._ties)
        for far, half, length in zip(self._from_first_pixel, halves, self._labels.shape):
            nearest = np.floor(far + half).astype(np.intp)
            inside &= nearest.view(np.uintp) < length
            nearest_kji.append(nearest)
        if not inside.any():
            return None
        return self._labels_at(nearest_kji, inside), 0, 0

    def _labels_at(self, voxels_kji: list[NDArray[np.intp]], inside: NDArray[np.bool_]) -> Labels:
        """Return the label of each voxel that is `inside`, else 0; half as long where the layer lies in one piece."""
        if not self._labels.flags.c_contiguous:
            found: Labels = np.zeros(inside.shape, dtype=self._labels.dtype)
            found[inside] = self._labels[tuple(index[inside] for index in voxels_kji)]
            return found
        (k, j, i), (_, rows, columns) = voxels_kji, self._labels.shape
        labels: Labels = np.take(self._labels.reshape(-1), (k * rows + j) * columns + i, mode="clip")
        labels *= inside
        return labels


@dataclass(frozen=True, eq=False)
class _Kept:
    """A region in the less memory: its runs, or where they are many its labels."""

    content: Runs | Labels
    first_row: int
    first_column: int

    @classmethod
    def of(cls, region: Region, finder: RunFinder) -> _Kept:
        runs = finder.runs_of(region.labels)
        content = runs if runs.nbytes < region.labels.nbytes else region.labels
        return cls(content, region.first_row, region.first_column)

    def region(self) -> Region:
        labels = self.content.pixels() if isinstance(self.content, Runs) else self.content
        return Region(labels, self.first_row, self.first_column)


def _trimmed(labels: Labels, first_row: int, first_column: int) -> Region | None:
    """Return the labels from the first to the last row and column with any but 0."""
    rows, columns = np.flatnonzero(labels.any(axis=1)), np.flatnonzero(labels.any(axis=0))
    if not len(rows):
        return None
    kept = labels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    return Region(kept, first_row + int(rows[0]), first_column + int(columns[0]))
