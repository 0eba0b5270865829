"""Which slice of a grid is which image, where the grid is an evenly spaced copy of images that are not.

Programs that know only even volumes (ITK, and what is built on it) make one of images with uneven gaps or of a
tilted gantry, too: slice k is image k, and everything drawn on it says places where the images do not lie. Slices
and images are then paired by order, as only the copy can have so many slices of that size that begin at an image
and are as far apart as the images are on an average. Nothing here knows segments or files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.geometry import Geometry, Matrix, PlaneStack, nearest_of, nearest_voxel, tie_of_slices

_SAME_VOXELS = 0.05
"""What the digits of a file's header may cost, in voxels, for a grid to begin at an image or run along its pixels."""

_SAME_STEP = 0.1
"""The same for the last slice of a copy, in steps from one slice to the next."""


@dataclass(frozen=True, eq=False)
class Pairing:
    """A grid that has other places for its slices than the images have that it was made of."""

    positions_lps: Matrix
    """(planes, 3): where the grid has the first pixel of each image."""
    is_certain: bool
    """Whether slice k can only be image k; else the grid may as well lie where it says."""
    is_whole: bool
    """Whether the grid has a slice for each image, of its size; else it is a part of an even copy."""
    displacement_mm: float
    """How far a voxel lies from its pixel at most: the true distance."""
    sideways_mm: float
    """How far it is so within the planes."""


def pairing_of(geometry: Geometry, images: PlaneStack) -> Pairing | None:
    """Return how slices and images go together; None where the grid's places say it or there is nothing to pair."""
    if (
        not images.has_place or len(images) < 2 or not geometry.is_orthogonal
    ):  # such a copy is orthogonal: ITK holds no other
        return None
    lps_to_kji = np.linalg.inv(geometry.kji_to_lps)
    pixel_to_kji: Matrix = (lps_to_kji @ images.plane_to_lps(0))[:3, :2]
    steps = np.rint(pixel_to_kji)
    if not _runs_along(pixel_to_kji, steps, images):
        return None
    lies_kji: Matrix = images.positions_lps @ lps_to_kji[:3, :3].T + lps_to_kji[:3, 3]
    slice_axis = int(np.abs(steps).sum(axis=1).argmin())
    nearest = nearest_voxel(lies_kji, tie_of_slices(geometry.spacing_mm[slice_axis]))
    is_even_copy = _is_step_of_a_copy(geometry.kji_to_lps[:3, slice_axis], images)
    for paired_kji in _paired(lies_kji, slice_axis, geometry, images):
        kept = _slices_kept(paired_kji, steps, geometry, images)
        is_whole = kept is not None and bool(kept.all()) and _is_of_their_size(geometry, slice_axis, images)
        if kept is None or not (is_whole or is_even_copy):
            continue
        in_reach = kept | _is_within(nearest[:, slice_axis], geometry.shape_kji[slice_axis])
        if (paired_kji == nearest)[in_reach].all():
            return None
        return _pairing(paired_kji, kept, geometry, images, is_even_copy=is_even_copy, is_whole=is_whole)
    return None


def as_drawn(geometry: Geometry, planes: PlaneStack, images: PlaneStack) -> PlaneStack:
    """Return `planes`, each of which lies on one of the `images`, where the grid has them."""
    if not images.has_place:
        return _drawn_without_place(geometry, planes, images)
    pairing = pairing_of(geometry, images)
    if pairing is None or not pairing.is_certain:
        return planes
    heights = images.positions_lps @ images.normal_lps
    order = np.argsort(heights, kind="stable")
    image_of = order[nearest_of(heights[order], planes.positions_lps @ images.normal_lps)]
    moved = (pairing.positions_lps - images.positions_lps)[image_of]
    return replace(planes, positions_lps=planes.positions_lps + moved)


def lies_on_pixels(geometry: Geometry, images: PlaneStack) -> bool:
    """Tell whether a grid is that of images without a place, or a part of it, with a slice for each.

    It is if it has a voxel for each pixel, whatever places it states. A part lies as programs lay such images where
    nothing says how: the first pixel at the origin, rows to the left, columns to the back, voxels as large as pixels.
    """
    size = np.array([len(images), images.rows, images.columns])
    if geometry.shape_kji == tuple(size.tolist()):
        return True
    to_pixels = (geometry.kji_to_lps[:3] / np.array(geometry.spacing_mm[::-1])[:, None])[::-1]
    start = np.rint(to_pixels[:, 3])
    off = np.abs((to_pixels[:, :3] - np.eye(3)) * size).max(), np.abs(to_pixels[:, 3] - start).max()
    is_within = (start >= 0).all() and (start + geometry.shape_kji <= size).all()
    return bool(is_within and geometry.shape_kji[0] == len(images) and max(off) <= _SAME_VOXELS)


def _drawn_without_place(geometry: Geometry, planes: PlaneStack, images: PlaneStack) -> PlaneStack:
    """Return the planes where the grid has them: voxel (k, j, i) is column i of row j of image k."""
    to_lps = np.diag([*geometry.spacing_mm[::-1], 1.0])[:, [2, 1, 0, 3]]
    if geometry.shape_kji == (len(images), images.rows, images.columns):
        to_lps = geometry.kji_to_lps
    numbers = planes.positions_lps[:, 2]
    _, row_mm, column_mm = geometry.spacing_mm
    return replace(
        planes,
        row_direction_lps=to_lps[:3, 2] / column_mm,
        column_direction_lps=to_lps[:3, 1] / row_mm,
        pixel_spacing_mm=(row_mm, column_mm),
        positions_lps=to_lps[:3, 3] + np.outer(numbers, to_lps[:3, 0]),
    )


def _runs_along(pixel_to_kji: Matrix, steps: Matrix, images: PlaneStack) -> bool:
    """Tell whether rows and columns run along two axes of the grid, one voxel to a pixel."""
    is_one_axis_each = np.abs(steps).sum(axis=0).tolist() == [1.0, 1.0] and np.abs(steps).sum(axis=1).max() == 1.0
    drift = np.abs(pixel_to_kji - steps) @ [images.rows - 1, images.columns - 1]
    return bool(is_one_axis_each and drift.max() <= _SAME_VOXELS)


def _is_step_of_a_copy(step_lps: Matrix, images: PlaneStack) -> bool:
    """Tell whether slices follow each other as those of an even copy do.

    It has the mean distance of the first pixels (ITK) or of the planes, and goes along the normal or from the first
    image towards the last.
    """
    ascending = images.positions_lps[np.argsort(images.positions_lps @ images.normal_lps, kind="stable")]
    mean_lps = (ascending[-1] - ascending[0]) / (len(images) - 1)
    along_normal = images.normal_lps * (mean_lps @ images.normal_lps)
    from_first_to_last = images.normal_lps * float(np.linalg.norm(mean_lps))
    upwards = step_lps * np.sign(step_lps @ images.normal_lps)
    off = [float(np.linalg.norm(upwards - copy)) for copy in (mean_lps, along_normal, from_first_to_last)]
    return min(off) * (len(images) - 1) <= _SAME_STEP * float(np.linalg.norm(mean_lps))


def _paired(lies_kji: Matrix, slice_axis: int, geometry: Geometry, images: PlaneStack) -> Iterator[Matrix]:
    """Yield the voxel, (planes, 3), of the first pixel of each image, if the first or the last image is on a slice."""
    heights = images.positions_lps @ images.normal_lps
    rank = np.empty(len(images))
    rank[np.argsort(heights, kind="stable")] = np.arange(len(images))
    onwards = np.zeros(3)
    onwards[slice_axis] = np.sign(geometry.kji_to_lps[:3, slice_axis] @ images.normal_lps)
    for anchor in (int(rank.argmin()), int(rank.argmax())):
        voxel = np.rint(lies_kji[anchor])
        if np.abs(lies_kji[anchor] - voxel).max() <= _SAME_VOXELS:
            yield voxel + np.outer(rank - rank[anchor], onwards)


def _slices_kept(paired_kji: Matrix, steps: Matrix, geometry: Geometry, images: PlaneStack) -> NDArray[np.bool_] | None:
    """Return which images have a slice in the grid; None if it reaches beyond a copy of the images."""
    last = np.array([images.rows - 1, images.columns - 1])
    far_kji = paired_kji + steps @ last
    lowest = np.minimum(paired_kji, far_kji).min(axis=0)
    highest = np.maximum(paired_kji, far_kji).max(axis=0)
    if (lowest > 0).any() or (highest < np.array(geometry.shape_kji) - 1).any():
        return None
    slice_axis = int(np.abs(steps).sum(axis=1).argmin())
    return _is_within(paired_kji[:, slice_axis], geometry.shape_kji[slice_axis])


def _is_within(slices: NDArray[Any], count: int) -> NDArray[np.bool_]:
    within: NDArray[np.bool_] = (slices >= 0) & (slices < count)
    return within


def _is_of_their_size(geometry: Geometry, slice_axis: int, images: PlaneStack) -> bool:
    """Tell whether the grid has as many slices as there are images, and voxels in each as an image has pixels.

    What lies within a copy of the images has no more of either along any axis.
    """
    in_slice = int(np.prod(geometry.shape_kji)) // geometry.shape_kji[slice_axis]
    return geometry.shape_kji[slice_axis] == len(images) and in_slice == images.rows * images.columns


def _pairing(
    paired_kji: Matrix,
    kept: NDArray[np.bool_],
    geometry: Geometry,
    images: PlaneStack,
    *,
    is_even_copy: bool,
    is_whole: bool,
) -> Pairing:
    positions: Matrix = paired_kji @ geometry.kji_to_lps[:3, :3].T + geometry.kji_to_lps[:3, 3]
    moved = (images.positions_lps - positions)[kept]
    sideways = moved - np.outer(moved @ images.normal_lps, images.normal_lps)
    return Pairing(
        positions,
        is_certain=is_even_copy and is_whole,
        is_whole=is_whole,
        displacement_mm=float(np.linalg.norm(moved, axis=1).max()),
        sideways_mm=float(np.linalg.norm(sideways, axis=1).max()),
    )
