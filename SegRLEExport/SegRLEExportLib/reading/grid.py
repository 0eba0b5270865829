"""From the planes that frames lie on to the regular grid that holds them, gaps where planes have no frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.geometry import Geometry, Matrix, PlaneStack, same_height_tolerance_mm
from SegRLEExportLib.reading.damage import SegFileError

_SHARE_OF_A_STEP = 0.1
"""A plane no farther from its place on the grid is taken for the nearest one."""

_SHARE_OF_A_PIXEL = 0.1
_SMALLEST_GAP = 1e-6
"""As a part of the mean gap."""

_MOST_VOXELS = 1 << 31


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid, and where on it each plane of a stack is."""

    geometry: Geometry
    plane_indices: NDArray[np.intp]
    """For each plane of the stack its k."""


def grid_of(stack: PlaneStack, thickness_mm: float | None, spacing_between_mm: float | None) -> Grid:
    """Return the grid on whose planes those of a stack lie; raises `SegFileError` where they do not lie evenly.

    Spacing Between Slices tells the step where planes without frames lie between; else the smallest gap is it, and
    of a single plane its thickness.
    """
    heights = stack.positions_lps @ stack.normal_lps
    if len(stack) == 1:
        step = stack.normal_lps * (spacing_between_mm or thickness_mm or 1.0)
        return _grid(stack, step, np.zeros(1, dtype=np.intp))
    gaps = np.diff(heights)
    if gaps.min() <= _SMALLEST_GAP * gaps.mean():
        raise SegFileError("some of its frames lie beside each other, as tiles do, and not one behind the other")
    for step_mm in _steps(gaps, spacing_between_mm):
        indices = np.concatenate([[0], np.cumsum(np.rint(gaps / step_mm))]).astype(np.intp)
        step = (stack.positions_lps[-1] - stack.positions_lps[0]) / indices[-1]
        if _lie_on(stack, step, indices):
            return _grid(stack, step, indices)
    raise SegFileError(
        f"its planes lie {gaps.min():.4g} to {gaps.max():.4g} mm apart, on no even grid, and a segmentation lies on one"
    )


def _steps(gaps: Matrix, stated_mm: float | None) -> list[float]:
    """Return the steps to try, the best first."""
    smallest = float(gaps.min())
    if stated_mm is None or not smallest / 1000 < stated_mm < smallest * 1.5:
        return [smallest]
    return [stated_mm, smallest]


def _lie_on(stack: PlaneStack, step: Matrix, indices: NDArray[np.intp]) -> bool:
    off = stack.positions_lps - (stack.positions_lps[0] + indices[:, None] * step)
    across = off @ stack.normal_lps
    along = np.linalg.norm(off - across[:, None] * stack.normal_lps, axis=1)
    height = abs(float(step @ stack.normal_lps))
    return bool(
        np.abs(across).max() <= _SHARE_OF_A_STEP * height
        and along.max() <= _SHARE_OF_A_PIXEL * min(stack.pixel_spacing_mm)
    )


def _grid(stack: PlaneStack, step: Matrix, indices: NDArray[np.intp]) -> Grid:
    shape = int(indices[-1]) + 1, stack.rows, stack.columns
    if shape[0] * shape[1] * shape[2] > _MOST_VOXELS:
        raise SegFileError(f"its planes lie so far apart that a grid would need {shape[0]} of them")
    to_lps = np.eye(4)
    to_lps[:3, 0] = step
    to_lps[:3, 1] = stack.column_direction_lps * stack.pixel_spacing_mm[0]
    to_lps[:3, 2] = stack.row_direction_lps * stack.pixel_spacing_mm[1]
    to_lps[:3, 3] = stack.positions_lps[0]
    return Grid(Geometry(shape, to_lps), indices)


def joined(stacks: Sequence[PlaneStack]) -> PlaneStack | None:
    """Return one stack of the planes of all, along the normal, doubled ones once; None if they do not fit together."""
    first = stacks[0]
    for other in stacks[1:]:
        same_shape = (first.rows, first.columns) == (other.rows, other.columns)
        same_axes = np.allclose(
            [first.row_direction_lps, first.column_direction_lps],
            [other.row_direction_lps, other.column_direction_lps],
            atol=1e-4,
        )
        if (
            not same_shape
            or not same_axes
            or not np.allclose(first.pixel_spacing_mm, other.pixel_spacing_mm, rtol=1e-4)
        ):
            return None
    positions = np.concatenate([stack.positions_lps for stack in stacks])
    positions = positions[np.argsort(positions @ first.normal_lps, kind="stable")]
    heights = positions @ first.normal_lps
    gaps = np.diff(heights)
    kept = np.concatenate([[True], gaps > same_height_tolerance_mm(heights, first.pixel_spacing_mm)])
    return replace(first, positions_lps=positions[kept])
