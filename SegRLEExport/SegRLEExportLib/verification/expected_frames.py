"""On which planes frames lie, and what each says of itself (PS3.3, C.7.6.16 and C.8.20.3).

Frames lie on the planes of the source images, or on those of the segmentation's own grid. They are in order by
segment, in a label map by nothing, and then by plane; each names the image that lies in its plane, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.geometry import Geometry, Matrix, PlaneStack, nearest_of
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceFrame, SourceSeries
from SegRLEExportLib.options import Grid
from SegRLEExportLib.reading.frames import Place
from SegRLEExportLib.verification.expectation import Anything, Decimals, Expectation, differences
from SegRLEExportLib.verification.order import Order
from SegRLEExportLib.verification.stated import Value, stated_in

_SAME_PLACE_MM = 1e-8
"""What the 16 characters of a Decimal String may cut off a position of up to a kilometre: less than any gap.

Positions are never rounded to be compared: a rounding of the text and one of the number differ at every half.
"""

_SAME_PLANE_GAPS = 0.02
"""An image no farther than this from a plane, in mean gaps of the images (of one, in pixels), lies in it."""

_PARALLEL = 1e-6
_WHOLE_VOXEL = 0.01
_SAME_POINT = 1e-6
"""As a part of the mean gap."""

_EVEN = 0.001
"""Gaps that differ by no more than this part of them are even, whoever looks."""

_INDICES_HEAD = b"\x20\x00\x57\x91UL"
_POSITION_HEAD = b"\x20\x00\x32\x00DS"
_NUMBER_HEAD = b"\x62\x00\x0b\x00US"
"""How Dimension Index Values, Image Position (Patient) and Referenced Segment Number begin."""

_NEARLY_HALF_STEP = 0.46
_FINEST_STEPS_A_GAP = 4


@dataclass(frozen=True, eq=False)
class ExpectedFrames:
    """The planes of an export in order, and the image in each."""

    stack: PlaneStack
    sources: tuple[SourceFrame | None, ...]
    thickness_mm: float
    is_label_map: bool
    same_place_mm: float = _SAME_PLACE_MM
    """Positions that differ by no more are the same."""

    tolerance: float = 1e-9
    """What spacing, thickness and directions may be off, as a part of them or in their unit."""

    _right_skeletons: set[tuple[bytes, ...]] = field(default_factory=set, repr=False)

    @classmethod
    def of(
        cls, order: Order, *, is_label_map: bool, same_place_mm: float = _SAME_PLACE_MM, tolerance: float = 1e-9
    ) -> ExpectedFrames:
        """Return what was asked for."""
        if order.options.grid is Grid.SOURCE:
            thickness = order.source.slice_thickness_mm or _thickness(order.source.stack)
            return cls(order.source.stack, order.source.frames, thickness, is_label_map, same_place_mm, tolerance)
        grid = _own_grid(order.segmentation)
        stack = _planes_of(grid)
        thickness = float(abs(grid.kji_to_lps[:3, 0] @ stack.normal_lps))
        sources = _images_in(stack, order.source)
        return cls(stack, sources, thickness, is_label_map, same_place_mm, tolerance)

    @property
    def rows(self) -> int:
        """Rows (0028,0010)."""
        return self.stack.rows

    @property
    def columns(self) -> int:
        """Columns (0028,0011)."""
        return self.stack.columns

    def shared_groups(self) -> Expectation:
        """Return what is to be said of all frames: nothing where the images have no place (A.51.5)."""
        stack = self.stack
        if not stack.has_place:
            return {}
        measures: dict[str, Any] = {
            "SliceThickness": Decimals((self.thickness_mm,), self.tolerance),
            "PixelSpacing": Decimals(stack.pixel_spacing_mm, self.tolerance),
            "SpacingBetweenSlices": EvenSteps(tuple(self._heights.tolist())),
        }
        directions = (*stack.row_direction_lps.tolist(), *stack.column_direction_lps.tolist())
        return {
            "PixelMeasuresSequence": [measures],
            "PlaneOrientationSequence": [{"ImageOrientationPatient": Decimals(directions, self.tolerance)}],
        }

    def planes_of(self, places: Sequence[Place]) -> list[int | None]:
        """Return for each place the index of the plane whose first pixel lies there; None for none.

        Where images have no place it is that of the image that is named, and no position may be stated.
        """
        if not self.stack.has_place:
            plane_of = {source: plane for plane, source in enumerate(self.sources)}
            return [plane_of.get(place.source) if not place.position_lps else None for place in places]
        if not all(place.position_lps for place in places):
            return [None] * len(places)
        positions_lps = np.array([place.position_lps for place in places])
        heights = positions_lps @ self.stack.normal_lps
        near = self._order[nearest_of(self._heights, heights)] if len(self.stack) > 1 else np.zeros(len(heights), int)
        off_mm = np.abs(self.stack.positions_lps[near] - positions_lps).max(axis=1, initial=0.0)
        return [plane if off <= self.same_place_mm else None for plane, off in zip(near.tolist(), off_mm.tolist())]

    def group_differences(self, plane: int, content: bytes) -> Iterator[str]:
        """Yield what a frame on that plane should not say; its numbers are compared frame by frame.

        Most frames differ from one that was compared attribute by attribute in position and image alone: then it is
        enough that those two are right, as all other bytes are the same.
        """
        skeleton = self._skeleton(plane, content)
        if skeleton is None or skeleton not in self._right_skeletons:
            wrong = list(differences(stated_in(content), self.groups(plane)))
            yield from wrong
            if skeleton is not None and not wrong:
                self._right_skeletons.add(skeleton)

    def _skeleton(self, plane: int, content: bytes) -> tuple[bytes, ...] | None:
        """Return a frame's groups without numbers, position and image; None if that is not the plane's.

        Of the position `planes_of` has seen that it is the plane's. Numbers stand behind the image and around the
        position: indices before it, that of the segment behind it.
        """
        source = self.sources[plane]
        uid = b"" if source is None else source.sop_instance_uid.encode()
        before_uid, found_uid, rest = content.partition(uid) if uid else (b"", b"", content)
        before_indices, _, rest = _cut(rest, _INDICES_HEAD)
        before_position, _, rest = _cut(rest, _POSITION_HEAD)
        before_number, _, rest = _cut(rest, _NUMBER_HEAD)
        if found_uid != uid:
            return None
        return before_uid, before_indices, before_position, before_number, rest

    def groups(self, plane: int) -> Expectation:
        """Return what a frame on that plane is to say."""
        source = self.sources[plane]
        wanted: dict[str, Any] = {
            "DerivationImageSequence": [] if source is None else [_derivation(source)],
            "FrameContentSequence": [{"DimensionIndexValues": Anything()}],
        }
        if self.stack.has_place:
            wanted["PlanePositionSequence"] = [{"ImagePositionPatient": self._position(plane)}]
        else:
            wanted["FrameContentSequence"][0] |= {"StackID": "1", "InStackPositionNumber": plane + 1}
        if not self.is_label_map:
            wanted["SegmentIdentificationSequence"] = [{"ReferencedSegmentNumber": Anything()}]
        return wanted

    def _position(self, plane: int) -> Decimals:
        """Return where the first pixel is to lie, of which `planes_of` has seen that it lies there."""
        return Decimals(tuple(self.stack.positions_lps[plane].tolist()), self.same_place_mm)

    def dimension_indices(self, frames: list[tuple[int, int]]) -> list[tuple[int, ...]]:
        """Return the indices of frames, each given as its segment number and plane: that, and the plane's rank."""
        rank = {plane: n for n, plane in enumerate(sorted({plane for _, plane in frames}), start=1)}
        return [(rank[plane],) if self.is_label_map else (number, rank[plane]) for number, plane in frames]

    @cached_property
    def _order(self) -> NDArray[np.intp]:
        return np.argsort(self.stack.positions_lps @ self.stack.normal_lps, kind="stable")

    @cached_property
    def _heights(self) -> Matrix:
        heights: Matrix = (self.stack.positions_lps @ self.stack.normal_lps)[self._order]
        return heights


@dataclass(frozen=True)
class EvenSteps:
    """Spacing Between Slices (0018,0088): the step that leads from the first plane to each, in whole numbers.

    It is not there where no step does, or there is one plane. Evenly spaced planes must have it.
    """

    heights_mm: tuple[float, ...]

    def accepts(self, found: Value | None) -> bool:
        heights = np.array(self.heights_mm)
        gaps = np.diff(heights)
        if found is None:
            return not gaps.size or gaps.min() <= _SAME_POINT * gaps.mean() or np.ptp(gaps) > _EVEN * gaps.mean()
        try:
            (step,) = (float(str(text)) for text in found)
        except (TypeError, ValueError):
            return False
        return bool(gaps.size) and step > 0 and _leads(step, heights)

    def __str__(self) -> str:
        return "the step that leads to the planes, where one does,"


def _leads(step: float, heights: Matrix) -> bool:
    """Tell whether it is the largest step of which whole numbers lead to each height, and so many to the last."""
    from_first = heights - heights[0]
    counts = np.rint(from_first / step).astype(int)
    off = from_first - counts * step
    return bool(
        np.diff(counts).min() > 0
        and np.gcd.reduce(np.diff(counts)) == 1
        and counts[-1] <= _FINEST_STEPS_A_GAP * (len(heights) - 1)
        and abs(off[-1]) <= max(1e-7 * from_first[-1], 1e-9 * counts[-1])
        and np.ptp(off) <= _NEARLY_HALF_STEP * step
    )


def _cut(content: bytes, head: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what stands before the value of an attribute, its length included, the value, and what stands behind."""
    before, found, rest = content.partition(head)
    if not found:
        return content, b"", b""
    length = int.from_bytes(rest[:2], "little")
    return before + found + rest[:2], rest[2 : 2 + length], rest[2 + length :]


def _derivation(source: SourceFrame) -> Expectation:
    frame = {} if source.frame_number is None else {"ReferencedFrameNumber": str(source.frame_number)}
    return {
        "SourceImageSequence": [
            {
                "ReferencedSOPClassUID": source.sop_class_uid,
                "ReferencedSOPInstanceUID": source.sop_instance_uid,
                **frame,
                "SpatialLocationsPreserved": "YES",
                "PurposeOfReferenceCodeSequence": [_dcm("121322", "Source image for image processing operation")],
            }
        ],
        "DerivationCodeSequence": [_dcm("113076", "Segmentation")],
    }


def _dcm(value: str, meaning: str) -> Expectation:
    return {"CodeValue": value, "CodingSchemeDesignator": "DCM", "CodeMeaning": meaning}


def _thickness(stack: PlaneStack) -> float:
    """Return the thickness of images that state none: their step, or else mean gap; 1 mm for a single one."""
    step = stack.spacing_between_planes_mm
    height = float(np.ptp(stack.positions_lps @ stack.normal_lps))
    return step or height / max(1, len(stack) - 1) or 1.0


def _own_grid(segmentation: Segmentation) -> Geometry:
    """Return the grid of the first layer in use, grown by whole voxels until it holds all others."""
    layers = sorted({segment.layer_index for segment in segmentation.segments})
    first = segmentation.layers[layers[0]].geometry
    to_voxels = np.linalg.inv(first.kji_to_lps)
    corners: list[Matrix] = []
    for geometry in (segmentation.layers[index].geometry for index in layers):
        ends = product(*((0, length - 1) for length in geometry.shape_kji))
        corners.extend((to_voxels @ geometry.kji_to_lps @ (*end, 1.0))[:3] for end in ends)
    low = np.floor(np.min(corners, axis=0) + _WHOLE_VOXEL).astype(int)
    high = np.ceil(np.max(corners, axis=0) - _WHOLE_VOXEL).astype(int)
    to_lps = first.kji_to_lps.copy()
    to_lps[:, 3] = first.kji_to_lps @ (*low, 1.0)
    k, j, i = (high - low + 1).tolist()
    return Geometry((k, j, i), to_lps)


def _planes_of(grid: Geometry) -> PlaneStack:
    """Return the slices of a grid as planes, in the order in which they ascend along their normal."""
    across, down, right, origin = grid.kji_to_lps[:3].T
    row_mm, column_mm = float(np.linalg.norm(down)), float(np.linalg.norm(right))
    positions = origin + np.outer(np.arange(grid.shape_kji[0]), across)
    is_descending = np.linalg.det([right, down, across]) < 0
    return PlaneStack(
        rows=grid.shape_kji[1],
        columns=grid.shape_kji[2],
        row_direction_lps=right / column_mm,
        column_direction_lps=down / row_mm,
        pixel_spacing_mm=(row_mm, column_mm),
        positions_lps=positions[::-1] if is_descending else positions,
    )


def _images_in(stack: PlaneStack, source: SourceSeries) -> tuple[SourceFrame | None, ...]:
    """Return for each plane the nearest image that lies in it, if one does."""
    if abs(stack.normal_lps @ source.stack.normal_lps) < 1 - _PARALLEL:
        return (None,) * len(stack)
    images = source.stack
    gaps = np.diff(np.sort(images.positions_lps @ images.normal_lps))
    near_mm = _SAME_PLANE_GAPS * float(gaps.mean() if gaps.any() else min(images.pixel_spacing_mm))
    found: list[SourceFrame | None] = []
    for position in stack.positions_lps:
        off_mm = np.abs((source.stack.positions_lps - position) @ stack.normal_lps)
        nearest = int(off_mm.argmin())
        found.append(source.frames[nearest] if off_mm[nearest] <= near_mm else None)
    return tuple(found)
