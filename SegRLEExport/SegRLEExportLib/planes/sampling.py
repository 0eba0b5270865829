"""Where the pixels of each plane are found in a layer.

Where pixels and voxels keep step, planes are views of the layer: sliced, flipped, transposed, never
copied; neighbours can be seen together as a slab. Elsewhere (another spacing, an oblique angle) each pixel
takes the voxel nearest to its centre. Nothing here knows segments' names, bytes or files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.geometry import TIE_OF_PIXELS, Matrix, PlaneStack, nearest_of, nearest_voxel, tie_of_slices
from SegRLEExportLib.model.segmentation import Labels, Layer
from SegRLEExportLib.planes.pairing import as_drawn
from SegRLEExportLib.planes.regions import Region, Slab
from SegRLEExportLib.planes.resampling import NearestVoxels

EXACT_TOLERANCE_VOXELS = 0.01
"""A pixel centre no farther than this from a voxel centre, along each axis, lies on it."""

_EDGE_PIXELS = 0.5 + 1e-6
"""A voxel farther from the outermost pixels lies beyond them, where each pixel takes what is nearest."""


@dataclass(frozen=True)
class _Slices:
    """A layer that keeps step, seen along the planes."""

    labels: Labels
    """A view of the layer: the axis across the planes first, then that of the rows and that of the columns."""
    axes: tuple[int, int, int]
    """Which axes of the layer these are."""
    steps: tuple[int, int, int]
    """1 or -1: from one plane to the next (as most are), from one row to the next, from one column to the next."""

    @property
    def to_next_plane(self) -> NDArray[np.intp]:
        """(3,), the step from one plane to the next along the axes of the layer."""
        step = np.zeros(3, dtype=np.intp)
        step[self.axes[0]] = self.steps[0]
        return step


class SampledLayer:
    """A layer seen through the planes of a stack."""

    @classmethod
    def drawn_on(cls, layer: Layer, images: PlaneStack, planes: PlaneStack | None = None) -> SampledLayer:
        """Return the layer on all images, or on planes that lie on some: where its grid is an even copy of them."""
        return cls(layer, as_drawn(layer.geometry, images if planes is None else planes, images))

    def __init__(self, layer: Layer, stack: PlaneStack) -> None:
        self._labels = layer.labels_kji
        self._layer_geometry = layer.geometry
        self._stack = stack
        lps_to_kji = np.linalg.inv(layer.geometry.kji_to_lps)
        self._pixel_to_kji: Matrix = (lps_to_kji @ stack.plane_to_lps(0))[:3, :2]
        self._origins_kji: Matrix = stack.positions_lps @ lps_to_kji[:3, :3].T + lps_to_kji[:3, 3]
        self._steps: Matrix = np.rint(self._pixel_to_kji)
        self._ties = np.full(3, TIE_OF_PIXELS)
        self._tie = tie_of_slices(layer.geometry.spacing_mm[self._slice_axis])
        self._ties[self._slice_axis] = self._tie
        self._nearest_origins = nearest_voxel(self._origins_kji, self._ties)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the layer's labels."""
        return self._labels.dtype

    @property
    def stack(self) -> PlaneStack:
        """The planes, where the layer has them."""
        return self._stack

    def region(self, plane_index: int) -> Region | None:
        """Return what the layer holds of that plane, or None if it does not reach it."""
        slab = self.slab(plane_index, 1)
        return None if slab is None else Region(slab.labels[0], slab.first_row, slab.first_column)

    def slab(self, first_plane: int, plane_count: int) -> Slab | None:
        """Return what the layer holds of so many planes, each but the last followed by its `is_followed` neighbour.

        None if it does not reach them.
        """
        if self.keeps_step:
            return self._view(first_plane, plane_count)
        region = self._nearest_voxels.region(first_plane)
        return None if region is None else Slab(region.labels[None], region.first_row, region.first_column)

    @cached_property
    def _nearest_voxels(self) -> NearestVoxels:
        ties = np.zeros(3)
        if self._runs_along_slices:
            ties[self._slice_axis] = self._tie
        shape = self._stack.rows, self._stack.columns
        return NearestVoxels(self._labels, self._pixel_to_kji, self._origins_kji, shape, ties)

    @cached_property
    def _runs_along_slices(self) -> bool:
        """Whether each plane lies in a slice or between two, and not across them."""
        along_slices = np.abs(self._pixel_to_kji[self._slice_axis])
        return float(along_slices @ [self._stack.rows - 1, self._stack.columns - 1]) <= self._tie

    @cached_property
    def is_followed(self) -> list[bool]:
        """For each plane, whether the next one is the next slice of the layer, so that a slab holds both."""
        if not self.keeps_step:
            return [False] * len(self._stack)
        view, slice_indices = self._slices, self._slices_met()
        reaches = (slice_indices >= 0) & (slice_indices < len(view.labels))
        is_next = (np.diff(self._nearest_origins, axis=0) == view.to_next_plane).all(axis=1)
        return [*(is_next & reaches[:-1] & reaches[1:]).tolist(), False]

    @cached_property
    def is_exact(self) -> bool:
        """Whether each pixel lies on a voxel of its own."""
        return self.is_one_to_one and self.displacement_voxels <= EXACT_TOLERANCE_VOXELS

    @cached_property
    def _repeats_slices(self) -> bool:
        """Whether several planes take one slice, as where slices are coarser."""
        slices = self._slices_met()
        slices = slices[(slices >= 0) & (slices < self._labels.shape[self._slice_axis])]
        return len(set(slices.tolist())) < len(slices)

    @property
    def is_one_to_one(self) -> bool:
        """Whether each voxel is taken by one pixel at most."""
        return self.keeps_step and not self._repeats_slices

    @cached_property
    def keeps_step(self) -> bool:
        """Whether rows and columns run along two axes of the layer, one voxel to a pixel."""
        one_axis_each = np.abs(self._steps).sum(axis=0).tolist() == [1.0, 1.0]
        different_axes = np.abs(self._steps).sum(axis=1).max() == 1.0
        farthest_kji = np.abs(self._from_nearest_kji).max(axis=(0, 2), initial=0.0)
        return bool(one_axis_each and different_axes and (farthest_kji <= 0.5 + self._ties).all())

    @cached_property
    def displacement_voxels(self) -> float:
        """The farthest that a pixel centre lies from the voxel it takes, along an axis of the layer."""
        return float(np.abs(self._from_nearest_kji).max(initial=0.0))

    @property
    def displacement_mm(self) -> float:
        """The same as a distance in space."""
        mm = np.einsum("ab,pbc->pac", self._layer_geometry.kji_to_lps[:3, :3], self._from_nearest_kji)
        return float(np.linalg.norm(mm, axis=1).max(initial=0.0))

    @property
    def _from_nearest_kji(self) -> Matrix:
        """(planes, 3, 4), how far the pixels at the corners lie from their nearest voxels along the layer's axes."""
        last_row, last_column = self._stack.rows - 1, self._stack.columns - 1
        corners = np.array([[0, 0, last_row, last_row], [0, last_column, 0, last_column]])
        drift = (self._pixel_to_kji - self._steps) @ corners
        offset = self._origins_kji - self._nearest_origins
        from_nearest: Matrix = drift[None] + offset[:, :, None]
        return from_nearest

    def voxels_outside(self, layer_values: list[int]) -> NDArray[np.int64]:
        """Count, for each value, the voxels of the layer that lie beyond the planes.

        Outside is more than half a pixel past the edge of a plane, or farther from the nearest plane
        than half the way to its next neighbour. Just half the way beyond the outermost is outside, too, if that plane
        takes another slice, and so it is with rows and columns.
        """
        axis = self._slice_axis
        return self._count(axis, self._slices_not_wholly_inside(axis), inside=False)[layer_values]

    def voxels_between(self, layer_values: list[int]) -> NDArray[np.int64]:
        """Count, for each value, the voxels not beyond the planes, in slices that no plane meets, near one that does.

        There are none where pixels and voxels do not keep step: then each pixel takes what is nearest.
        """
        return self._count_not_met(layer_values, far=False, is_known=self.keeps_step)

    def voxels_of_missing_planes(self, layer_values: list[int]) -> NDArray[np.int64]:
        """Count, for each value, the voxels of slices at which a plane is missing.

        Planes at 0, 3, 6 and 12 mm are usually 3 mm apart: a slice at 9 mm is farther from all of them than half of
        that, so that nothing stands for it. At 1.5 mm nothing is missing: that slice is finer than the planes. Of
        slices that are no finer each has its plane, or lacks it.
        """
        return self._count_not_met(layer_values, far=True, is_known=self._runs_along_slices)

    def _count_not_met(self, layer_values: list[int], *, far: bool, is_known: bool) -> NDArray[np.int64]:
        if not is_known:
            return np.zeros(len(layer_values), dtype=np.int64)
        axis = self._slice_axis
        planes = np.sort(self._origins_kji[:, axis])
        met = set(self._slices_met().tolist())
        not_met = np.array([index for index in range(self._labels.shape[axis]) if index not in met], dtype=float)
        distance = np.abs(planes[nearest_of(planes, not_met)] - not_met)
        is_far = (distance > self._usual_gap / 2 + EXACT_TOLERANCE_VOXELS) | (not self._is_finer)
        return self._count(axis, not_met[is_far == far].astype(int).tolist(), inside=True)[layer_values]

    @cached_property
    def _usual_gap(self) -> float:
        """How far planes are usually apart, in slices of the layer; infinite where all lie at one place."""
        gaps = np.diff(np.sort(self._origins_kji[:, self._slice_axis]))
        gaps = gaps[gaps > EXACT_TOLERANCE_VOXELS]
        return float(np.median(gaps)) if gaps.size else np.inf

    @property
    def _is_finer(self) -> bool:
        """Whether there are more slices than planes; beside a single plane none counts as finer."""
        return 1 + self._tie < self._usual_gap < np.inf

    def _count(self, axis: int, slice_indices: list[int], *, inside: bool) -> NDArray[np.int64]:
        """Count for each value the voxels of those slices along an axis that planes stand for, or do not."""
        counts = np.zeros(np.iinfo(self._labels.dtype).max + 1, dtype=np.int64)
        slices = np.moveaxis(self._labels, axis, 0)
        for slice_index in slice_indices:
            labels = slices[slice_index]
            voxels = list(np.nonzero(labels))
            voxels_kji = np.stack([*voxels[:axis], np.full(len(voxels[0]), slice_index), *voxels[axis:]])
            _, is_inside = self._planes_of(voxels_kji)
            counts += np.bincount(labels[tuple(voxels)][is_inside == inside], minlength=len(counts))
        return counts

    @cached_property
    def _slice_axis(self) -> int:
        """The axis of the layer that comes nearest to the normal of the planes."""
        to_lps = self._layer_geometry.kji_to_lps[:3, :3]
        return int(np.abs(self._stack.normal_lps @ to_lps / self._layer_geometry.spacing_mm).argmax())

    def _slices_not_wholly_inside(self, across: int) -> list[int]:
        """Return the slices of the layer along the axis `across` of which some voxel may lie beyond the planes.

        The place of one plane is convex: if it holds the four corners of a slice, it holds all of it.
        """
        extents = [np.array([0, length - 1]) for length in self._labels.shape]
        extents[across] = np.arange(self._labels.shape[across])
        corners = np.moveaxis(np.stack(np.meshgrid(*extents, indexing="ij")), across + 1, 1).reshape(3, -1)
        planes, is_inside = (values.reshape(-1, 4) for values in self._planes_of(corners))
        has_one_plane = (planes == planes[:, :1]).all(axis=1)
        wholly_inside = is_inside.all(axis=1) & has_one_plane
        return np.flatnonzero(~wholly_inside).tolist()

    def _slices_met(self) -> NDArray[np.intp]:
        return self._nearest_origins[:, self._slice_axis]

    @cached_property
    def _slices(self) -> _Slices:
        slice_axis = self._slice_axis
        row_axis, column_axis = np.abs(self._steps).argmax(axis=0).tolist()
        row_step, column_step = int(self._steps[row_axis, 0]), int(self._steps[column_axis, 1])
        slice_step = 1 if np.diff(self._slices_met()).sum() >= 0 else -1
        axes = slice_axis, row_axis, column_axis
        return _Slices(self._labels.transpose(axes), axes, (slice_step, row_step, column_step))

    def _view(self, first_plane: int, plane_count: int) -> Slab | None:
        slices = self._slices
        origin = self._nearest_origins[first_plane].tolist()
        first_slice, row, column = (origin[axis] for axis in slices.axes)
        slice_count, row_count, column_count = slices.labels.shape
        if not 0 <= first_slice < slice_count:
            return None
        slice_step, row_step, column_step = slices.steps
        met, _ = _overlap(first_slice, slice_step, slice_count, plane_count)
        rows, first_row = _overlap(row, row_step, row_count, self._stack.rows)
        columns, first_column = _overlap(column, column_step, column_count, self._stack.columns)
        labels = slices.labels[met, rows, columns]
        return Slab(labels, first_row, first_column) if labels.size else None

    def _planes_of(self, voxels_kji: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return for each voxel, (3, n), the nearest plane, counted along the normal, and whether it stands for it."""
        stack, to_lps = self._stack, self._layer_geometry.kji_to_lps
        lps = (to_lps[:3, :3] @ voxels_kji).T + to_lps[:3, 3]
        order = np.argsort(stack.positions_lps @ stack.normal_lps)
        heights = (stack.positions_lps @ stack.normal_lps)[order]
        half_gaps = self._half_gaps(heights)
        height = lps @ stack.normal_lps
        nearest = nearest_of(heights, height)
        from_plane = height - heights[nearest]
        inside = (from_plane >= -half_gaps[nearest, 0]) & (from_plane <= half_gaps[nearest, 1])
        if self.keeps_step:
            inside &= self._are_taken(order[nearest], voxels_kji)
            is_beyond_all = (height < heights[0]) | (height > heights[-1])
            inside &= ~is_beyond_all | self._is_in_slice_of(order[nearest], voxels_kji)
        else:
            inside &= self._lie_on_pixels(order[nearest], lps)
        return nearest, inside

    def _are_taken(self, planes: NDArray[np.intp], voxels_kji: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell which voxels, (3, n), are in the row and column of a pixel of their planes, (n,), one voxel to each."""
        row, column = self._steps.T @ (voxels_kji - self._nearest_origins[planes].T)
        taken: NDArray[np.bool_] = (
            (row >= 0) & (row < self._stack.rows) & (column >= 0) & (column < self._stack.columns)
        )
        return taken

    def _is_in_slice_of(self, planes: NDArray[np.intp], voxels_kji: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell which voxels are in the slice that their planes take; of slices finer than planes it may be any."""
        if self._is_finer:
            return np.ones(len(planes), dtype=bool)
        is_taken: NDArray[np.bool_] = voxels_kji[self._slice_axis] == self._slices_met()[planes]
        return is_taken

    def _lie_on_pixels(self, planes: NDArray[np.intp], lps: Matrix) -> NDArray[np.bool_]:
        """Tell which places, (n, 3), lie no more than half a pixel past the edges of their planes."""
        stack = self._stack
        relative = lps - stack.positions_lps[planes]
        row = relative @ stack.column_direction_lps / stack.pixel_spacing_mm[0]
        column = relative @ stack.row_direction_lps / stack.pixel_spacing_mm[1]
        lie: NDArray[np.bool_] = (
            (row >= -_EDGE_PIXELS)
            & (row <= stack.rows - 1 + _EDGE_PIXELS)
            & (column >= -_EDGE_PIXELS)
            & (column <= stack.columns - 1 + _EDGE_PIXELS)
        )
        return lie

    def _half_gaps(self, heights: Matrix) -> Matrix:
        """Return (planes, 2): how far below and above each plane still belongs to it, in mm."""
        if len(heights) == 1:
            half_thickness = max(self._layer_geometry.spacing_mm) / 2
            return np.full((1, 2), half_thickness)
        half = np.diff(heights) / 2
        slack = 1e-6 * float(half.max())
        return np.stack([np.concatenate([half[:1], half]), np.concatenate([half, half[-1:]])], axis=1) + slack


def slabs_of(
    frames: Iterable[tuple[int, int]], layer_of: Sequence[SampledLayer], most: int
) -> Iterator[tuple[int, int, int]]:
    """Put frames, each given as (segment, plane), together where one slab of the segment's layer shows them.

    `layer_of` gives the layer for each segment. Yields (segment, first plane, number of planes), at most `most` planes.
    """
    begun: tuple[int, int, int] | None = None
    for segment, plane in frames:
        if begun is not None:
            begun_segment, first_plane, count = begun
            follows = begun_segment == segment and first_plane + count == plane
            if follows and count < most and layer_of[segment].is_followed[plane - 1]:
                begun = segment, first_plane, count + 1
                continue
            yield begun
        begun = segment, plane, 1
    if begun is not None:
        yield begun


def _overlap(origin: int, step: float, length: int, extent: int) -> tuple[slice, int]:
    """Return which of `length` voxels the `extent` pixels meet, in pixel order, and the first pixel that meets one.

    Pixel 0 meets the voxel `origin`; each next pixel meets the voxel `step` (1 or -1) further.
    """
    if step > 0:
        first_pixel = max(0, -origin)
        start, stop = origin + first_pixel, min(length, origin + extent)
        return slice(start, max(start, stop)), first_pixel
    first_pixel = max(0, origin - (length - 1))
    start, stop = origin - first_pixel, max(-1, origin - extent)
    if start <= stop:
        return slice(0, 0), first_pixel
    return slice(start, None if stop < 0 else stop, -1), first_pixel
