"""Where voxels and planes lie: indices are [k, j, i] or (row, column), places are LPS in millimetres.

A segmentation lies on a `Geometry`, one affine map. The frames of a SEG lie on a `PlaneStack`, equal
parallel planes that each keep their own position, because source images may have unequal gaps or a
tilted gantry (PS3.3, C.7.6.2.1.1 and C.7.6.16.2.3). Nothing here knows segments, files or Slicer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]

ORTHOGONAL_TOLERANCE = 1e-4
"""Largest cosine between two axes that still count as perpendicular (PS3.3, C.7.6.2.1.1 rounds direction cosines)."""


_ROUNDING_MM = 0.01
_SMALLEST_TIE = 0.01
_THINNEST_ROUNDED_MM = 0.2
"""Thinner slices are no scanner's that rounds to a hundredth of a millimetre: their places are stated more finely."""

TIE_OF_PIXELS = 1e-4
"""What `tie_of_slices` is for rows and columns, in voxels: these are rounded with the whole plane."""

_WHOLE_VOXEL_TOLERANCE = 0.01

_LARGEST_STEP_ERROR = 0.45
"""dcmqi takes the step nearest to a plane: tried, it is right up to 0.49 of a step and wrong from 0.51 on."""

_SMALLEST_GAP = 1e-6
"""Planes no farther apart than this part of the mean gap lie in one place."""

_ROUNDING_PIXELS = 0.015
"""What scanners round off positions, in pixels: 0.01 mm of a clinical image, less of a microscope's."""

_ROUNDING_GAPS = 0.1
"""But never so much of the distance of images: slices of micro-CT lie 2.5 micrometres apart."""

_SAME_PLANE_GAPS = 0.02
"""A plane no farther from an image, in gaps between images, lies in it."""

_MOST_STEPS_A_GAP = 4
"""On an average; finer steps lead anywhere, and readers make a volume of as many planes."""

_ORDER_PREFERENCE = 0.01
"""Steps with gaps between planes are taken only where they fit better than one step a plane, by so many steps."""

_PERPENDICULAR = 1e-3
"""Largest cosine between two axes of a grid that some program rounded to be written."""

_FLAT_TOLERANCE = 1e-6
"""Volume of the cell of three unit vectors below which they lie in a plane."""


def _frozen(values: ArrayLike, shape: tuple[int, ...]) -> Matrix:
    array = np.array(values, dtype=np.float64).reshape(shape)
    array.flags.writeable = False
    return array


def tie_of_slices(slice_mm: float) -> float:
    """Return how far, in slices, a plane may lie from the middle between two and be as near to one as to the other.

    The places of planes are rounded to a hundredth of a millimetre, which is more of a slice the thinner it is.
    """
    return max(_ROUNDING_MM / slice_mm, _SMALLEST_TIE) if slice_mm >= _THINNEST_ROUNDED_MM else _SMALLEST_TIE


def nearest_voxel(places: Matrix, tie: Matrix | float) -> NDArray[np.intp]:
    """Return the index of the voxel nearest to each place along its axis, the higher of two equally near, as in ITK.

    What rounding leaves of a half, up to `tie`, is a half, too: else of planes that lie between slices one would take
    the lower and the next the higher, so that some slices are taken twice and others never.
    """
    return np.floor(places + (0.5 + tie)).astype(np.intp)


def nearest_of(ascending: Matrix, values: Matrix) -> NDArray[np.intp]:
    """Return for each value the index of the number nearest to it, the lower one of two equally near."""
    return np.searchsorted((ascending[1:] + ascending[:-1]) / 2, values)


def same_height_tolerance_mm(heights: Matrix, pixel_spacing_mm: Sequence[float]) -> float:
    """Return how far heights of images may differ and still be one: what scanners round, at the scale of the images."""
    mean_gap = float(np.ptp(heights)) / max(1, len(heights) - 1)
    return min(_ROUNDING_PIXELS * max(pixel_spacing_mm), _ROUNDING_GAPS * mean_gap)


@dataclass(frozen=True, eq=False)
class Geometry:
    """A regular grid of voxels."""

    shape_kji: tuple[int, int, int]
    kji_to_lps: Matrix
    """(4, 4), maps (k, j, i, 1) to (left, posterior, superior, 1) in mm, at voxel centres."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kji_to_lps", _frozen(self.kji_to_lps, (4, 4)))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels along k, j and i."""
        k, j, i = np.linalg.norm(self.kji_to_lps[:3, :3], axis=0)
        return float(k), float(j), float(i)

    @property
    def has_volume(self) -> bool:
        """Whether there are voxels, and their axes are finite and span space."""
        axes = self.kji_to_lps[:3, :3]
        if not min(self.shape_kji) or not np.all(np.isfinite(self.kji_to_lps)) or not min(self.spacing_mm):
            return False
        return abs(float(np.linalg.det(axes / self.spacing_mm))) > _FLAT_TOLERANCE

    @property
    def is_orthogonal(self) -> bool:
        """Whether the axes are perpendicular to each other; a sheared grid keeps the places of a tilted gantry."""
        axes = self.kji_to_lps[:3, :3] / self.spacing_mm
        return bool(np.abs(axes.T @ axes - np.eye(3)).max() <= _PERPENDICULAR)

    def cropped(self, start_kji: tuple[int, int, int], shape_kji: tuple[int, int, int]) -> Geometry:
        """Return the part that starts at the voxel `start_kji` (negative: beyond the edge)."""
        moved = self.kji_to_lps.copy()
        moved[:, 3] = self.kji_to_lps @ (*start_kji, 1.0)
        return Geometry(shape_kji, moved)

    def extended_over(self, others: Sequence[Geometry]) -> Geometry:
        """Return this grid, extended in whole voxels until it holds every voxel centre of `others`."""
        lps_to_kji = np.linalg.inv(self.kji_to_lps)
        corners = [np.zeros(3), np.array(self.shape_kji) - 1.0]
        for other in others:
            for corner in product(*((0, length - 1) for length in other.shape_kji)):
                corners.append((lps_to_kji @ other.kji_to_lps @ (*corner, 1.0))[:3])
        lowest = np.floor(np.min(corners, axis=0) + _WHOLE_VOXEL_TOLERANCE).astype(int)
        highest = np.ceil(np.max(corners, axis=0) - _WHOLE_VOXEL_TOLERANCE).astype(int)
        k, j, i = (highest - lowest + 1).tolist()
        return self.cropped(tuple(lowest.tolist()), (k, j, i))


@dataclass(frozen=True, eq=False)
class PlaneStack:
    """Equal parallel planes, each at its own place."""

    rows: int
    columns: int
    row_direction_lps: Matrix
    """(3,), unit vector along a row, the way the column index grows: first half of Image Orientation (Patient)."""
    column_direction_lps: Matrix
    """(3,), unit vector along a column: second half of Image Orientation (Patient)."""
    pixel_spacing_mm: tuple[float, float]
    """Distance of rows, then of columns, as Pixel Spacing (0028,0030)."""
    positions_lps: Matrix
    """(planes, 3), centre of the first pixel of each plane: Image Position (Patient)."""
    has_place: bool = True
    """Whether that is in the patient: radiographs, ultrasound and secondary captures need not say where they lie (the
    Image Plane Module, PS3.3, C.7.6.2, is not theirs). Then there is nothing but pixels: see `without_place`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "row_direction_lps", _frozen(self.row_direction_lps, (3,)))
        object.__setattr__(self, "column_direction_lps", _frozen(self.column_direction_lps, (3,)))
        object.__setattr__(self, "positions_lps", _frozen(self.positions_lps, (-1, 3)))

    def __len__(self) -> int:
        return len(self.positions_lps)

    @classmethod
    def without_place(cls, count: int, rows: int, columns: int) -> PlaneStack:
        """Return the planes of images that have no place: column i of row j of image k is at (i, j, k), in pixels."""
        positions = np.zeros((count, 3))
        positions[:, 2] = np.arange(count)
        return cls(rows, columns, np.eye(3)[0], np.eye(3)[1], (1.0, 1.0), positions, has_place=False)

    @classmethod
    def of_geometry(cls, geometry: Geometry) -> PlaneStack:
        """Return the k-planes of `geometry`, in an order that makes the stack right-handed.

        Raises `ValueError` if rows and columns of the grid are not perpendicular: no SEG can say that.
        """
        to_lps = geometry.kji_to_lps
        _, spacing_j, spacing_i = geometry.spacing_mm
        along_row, along_column = to_lps[:3, 2] / spacing_i, to_lps[:3, 1] / spacing_j
        if abs(along_row @ along_column) > ORTHOGONAL_TOLERANCE:
            raise ValueError("the rows and columns of the grid are not perpendicular")
        positions = to_lps[:3, 3] + np.arange(geometry.shape_kji[0])[:, None] * to_lps[:3, 0]
        if np.cross(along_row, along_column) @ to_lps[:3, 0] < 0:
            positions = positions[::-1]
        _, rows, columns = geometry.shape_kji
        return cls(rows, columns, along_row, along_column, (spacing_j, spacing_i), positions)

    @property
    def normal_lps(self) -> Matrix:
        """(3,), the unit vector across the planes."""
        return np.cross(self.row_direction_lps, self.column_direction_lps)

    @property
    def same_plane_tolerance_mm(self) -> float:
        """How far from a plane of the stack another one may lie to be the same, in mm: little of their distance."""
        heights = self.positions_lps @ self.normal_lps
        mean_gap = float(np.ptp(heights)) / max(1, len(self) - 1)
        return _SAME_PLANE_GAPS * (mean_gap or min(self.pixel_spacing_mm))

    @property
    def spacing_between_planes_mm(self) -> float | None:
        """The distance of planes along the normal by which readers find each plane's own step; None if there is none.

        It is the mean gap, or where planes are missing the gap of the others: readers count steps from the first
        plane that has a frame, so that no two planes may be off by nearly half a step from each other.
        """
        return None if self._steps is None else self._steps[0]

    @property
    def off_even_steps_mm(self) -> float:
        """How far apart, across the planes, those are that lie farthest before and behind their even steps."""
        return 0.0 if self._steps is None else self._steps[1]

    @cached_property
    def _steps(self) -> tuple[float, float] | None:
        heights = np.sort(self.positions_lps @ self.normal_lps)
        gaps = np.diff(heights)
        if not len(gaps) or gaps.min() <= _SMALLEST_GAP * gaps.mean():
            return None
        best: tuple[float, float] | None = None
        for counts in (np.ones(len(gaps)), np.rint(gaps / gaps.min())):
            steps = np.concatenate([[0.0], np.cumsum(counts)])
            if steps[-1] > _MOST_STEPS_A_GAP * len(gaps):
                continue
            step = float((heights[-1] - heights[0]) / steps[-1])
            off = float(np.ptp(heights - heights[0] - steps * step))
            if best is None or off / step < best[1] / best[0] - _ORDER_PREFERENCE:
                best = step, off
        return best if best is not None and best[1] <= _LARGEST_STEP_ERROR * best[0] else None

    @property
    def even_geometry(self) -> Geometry:
        """The grid of as many voxels, the planes as far apart as they are on the average, each straight behind another.

        For what is drawn anew on the planes: uneven gaps and a tilted gantry are not in it.
        """
        heights = (self.positions_lps - self.positions_lps[0]) @ self.normal_lps
        gap = float(np.ptp(heights)) / max(1, len(self) - 1) or min(self.pixel_spacing_mm)
        to_lps = np.eye(4)
        to_lps[:3, 0] = self.normal_lps * gap
        to_lps[:3, 1] = self.column_direction_lps * self.pixel_spacing_mm[0]
        to_lps[:3, 2] = self.row_direction_lps * self.pixel_spacing_mm[1]
        to_lps[:3, 3] = self.positions_lps[int(np.argmin(heights))]
        return Geometry((len(self), self.rows, self.columns), to_lps)

    def plane_to_lps(self, plane_index: int) -> Matrix:
        """Return the (4, 3) map from (row, column, 1) on that plane to (L, P, S, 1)."""
        to_lps = np.zeros((4, 3))
        to_lps[:3, 0] = self.column_direction_lps * self.pixel_spacing_mm[0]
        to_lps[:3, 1] = self.row_direction_lps * self.pixel_spacing_mm[1]
        to_lps[:3, 2] = self.positions_lps[plane_index]
        to_lps[3, 2] = 1.0
        return to_lps

    def only(self, plane_indices: NDArray[np.intp]) -> PlaneStack:
        """Return the stack of those planes alone."""
        return replace(self, positions_lps=self.positions_lps[plane_indices])
