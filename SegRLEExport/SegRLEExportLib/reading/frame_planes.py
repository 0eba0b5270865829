"""From the places that frames state to the planes they lie on, or to the images, where they have no place."""

from __future__ import annotations

import numpy as np

from SegRLEExportLib.model.geometry import Matrix, PlaneStack, same_height_tolerance_mm
from SegRLEExportLib.model.source_series import SourceFrame
from SegRLEExportLib.reading.damage import SegFileError
from SegRLEExportLib.reading.frames import Place
from SegRLEExportLib.reading.header import MOST_FRAMES

_DIRECTION_TOLERANCE = 1e-3
"""Of direction cosines."""

_SPACING_TOLERANCE = 1e-3
"""As a share of the spacing."""

_SHARE_OF_A_PIXEL = 0.1
"""Positions that differ by no more, at one height, are those of one plane."""


def stack_of(rows: int, columns: int, places: list[Place]) -> tuple[PlaneStack, list[int]]:
    """Return the planes on which places lie, along their normal, and for each place the index of its plane.

    Raises `SegFileError` where places are incomplete, or do not lie parallel.
    """
    first = places[0]
    _refuse_no_place(places)
    orientation, spacing = np.array(first.orientation), np.array(first.spacing_mm)
    if any(not np.allclose(place.orientation, orientation, atol=_DIRECTION_TOLERANCE) for place in places):
        raise SegFileError("its frames do not lie parallel: they differ in orientation")
    if any(np.abs(place.spacing_mm - spacing).max() > _SPACING_TOLERANCE * spacing.min() for place in places):
        raise SegFileError("its frames differ in pixel spacing")
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm([along_row, along_column], axis=1)
    if (
        np.abs(lengths - 1).max() > 10 * _DIRECTION_TOLERANCE
        or abs(along_row @ along_column) > 10 * _DIRECTION_TOLERANCE
    ):
        raise SegFileError(f"its orientation is {list(first.orientation)}, which are no two perpendicular directions")
    positions, plane_of_place = _different(np.array([place.position_lps for place in places]), orientation, spacing)
    stack = PlaneStack(
        rows=rows,
        columns=columns,
        row_direction_lps=along_row / lengths[0],
        column_direction_lps=along_column / lengths[1],
        pixel_spacing_mm=(float(spacing[0]), float(spacing[1])),
        positions_lps=positions,
    )
    return stack, plane_of_place


def images_named(places: list[Place], referenced: list[SourceFrame]) -> list[SourceFrame]:
    """Return the images of frames that have no place: all that are referenced, or the frames of the only one, counted.

    Raises `SegFileError`.
    """
    if any(len(place.sources) != 1 for place in places):
        raise SegFileError("its frames have no position in the patient, and do not each name the one image they lie on")
    named = list(dict.fromkeys(place.sources[0] for place in places))
    numbers = [image.frame_number for image in named]
    if None in numbers:
        if any(numbers):
            raise SegFileError(
                "its frames have no position in the patient, and lie on images of one and of more frames"
            )
        return list(dict.fromkeys([*referenced, *named]))
    last = max(number or 0 for number in numbers)
    if len({image.sop_instance_uid for image in named}) > 1 or min(number or 0 for number in numbers) < 1:
        raise SegFileError("its frames have no position in the patient, and lie on several images of more frames")
    if last > MOST_FRAMES:
        raise SegFileError(f"it names frame {last} of an image")
    return [named[0]._replace(frame_number=number) for number in range(1, last + 1)]


def _refuse_no_place(places: list[Place]) -> None:
    for what, has in (
        ("position", all(place.position_lps for place in places)),
        ("orientation", all(place.orientation for place in places)),
        ("pixel spacing", all(place.spacing_mm for place in places)),
    ):
        if not has:
            raise SegFileError(f"its frames have no {what} in the patient")
    if any(min(place.spacing_mm) <= 0 for place in places):
        raise SegFileError("its pixel spacing is not above 0")


def _different(positions: Matrix, orientation: Matrix, spacing: Matrix) -> tuple[Matrix, list[int]]:
    """Return the positions that differ by more than rounding, along the normal, and where each of all is."""
    normal = np.cross(orientation[:3], orientation[3:])
    exact, of_position = np.unique(positions, axis=0, return_inverse=True)
    heights = exact @ normal
    order = np.argsort(heights, kind="stable")
    exact, heights = exact[order], heights[order]
    height_tolerance = same_height_tolerance_mm(heights, spacing.tolist())
    kept: list[int] = []
    rank = np.zeros(len(exact), dtype=np.intp)
    for n, position in enumerate(exact):
        last = kept[-1] if kept else None
        is_same = last is not None and (
            heights[n] - heights[last] <= height_tolerance
            and float(np.linalg.norm(position - exact[last])) <= _SHARE_OF_A_PIXEL * float(spacing.min())
        )
        if not is_same:
            kept.append(n)
        rank[n] = len(kept) - 1
    rank_of_exact = np.empty(len(exact), dtype=np.intp)
    rank_of_exact[order] = rank
    return exact[kept], rank_of_exact[np.asarray(of_position).reshape(-1)].tolist()
