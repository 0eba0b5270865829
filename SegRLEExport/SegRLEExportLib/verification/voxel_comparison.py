"""Do the frames of a file show the segmentation?

This tells whether, for the check of an export and for `verify` alike. Where a file of any program shows something
else, `overlap_counts` finds who shows what: it counts for every pair of segments.

Frames of one segment are compared as sets of pixels: each must lie wholly in its segment, and all together must be
as many as the voxels there are, on every plane. Planes of labels are made again and compared pixel by pixel. Nothing
of the writer's index or pixels is used; as `sampling` is shared with it, one pixel of each frame is also looked up
by bare matrix arithmetic.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.geometry import Matrix, PlaneStack
from SegRLEExportLib.model.segmentation import Labels, Layer, Segment, Segmentation
from SegRLEExportLib.planes.regions import Region
from SegRLEExportLib.planes.sampling import SampledLayer, slabs_of
from SegRLEExportLib.reading.pixels import FrameBlock

Plane = TypeVar("Plane", Labels, NDArray[np.bool_])

_ROUNDED_MM = 0.01
"""Positions of images are rounded to so much, so that half way between two slices each is as near."""

_FINEST_ROUNDED_MM = 0.2
"""Slices nearer to each other are of instruments that state positions more finely."""

_BLOCK_PIXELS = 1 << 21
"""Frames of bits are compared together up to so many pixels: small enough for the processor's cache."""

_SAMPLED = 16
"""Of every so many rows and columns, labels are looked at to see which occur; the others are searched for."""

_FEW_VALUES = 8
"""Up to so many values are counted one by one, which is quicker than looking every voxel up in a table."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What the frames of one file are to show."""

    segmentation: Segmentation
    position_of: dict[int, int]
    """The position of each segment in the segmentation, by its number in the file."""
    is_label_map: bool
    bits: int
    """Bits Allocated (0028,0100)."""
    full_value: int
    """What a pixel of the segment holds where each has frames of its own."""
    images: PlaneStack | None
    """All planes on which frames may lie; None where it is not known which images they are."""
    other_planes: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    """The indices of those for which the file has no frame, and on which its segments must have no voxel."""


def layers_on(layers: Sequence[Layer], planes: PlaneStack, images: PlaneStack | None) -> list[SampledLayer]:
    """Return the layers on the planes of a file: where they have them, if all planes lie on images."""
    if images is None:
        return [SampledLayer(layer, planes) for layer in layers]
    return [SampledLayer.drawn_on(layer, images, planes) for layer in layers]


def comparison_of(shown: Shown, stack: PlaneStack, frames: Sequence[tuple[int, int]]) -> VoxelComparison:
    """Return what compares the frames of a file with a segmentation.

    `frames` tells for each frame its segment number, 0 in a label map, and its plane in `stack`.
    """
    kind = _LabelMapComparison if shown.is_label_map else _MaskComparison
    return kind(shown, stack, frames)


class VoxelComparison(ABC):
    """What the comparison of label maps and that of segments with frames of their own have in common."""

    def __init__(self, shown: Shown, stack: PlaneStack, frames: Sequence[tuple[int, int]]) -> None:
        self._shown = shown
        self._stack = stack
        self._frames = frames
        layers = shown.segmentation.layers
        self._layers = layers_on(layers, stack, shown.images)
        self._spots: list[tuple[int, int, int, int]] = []
        self.blank_frames = 0
        """Frames that showed nothing."""

    def block_lengths(self) -> list[int]:
        """Return how many frames to compare at once, from the first on."""
        return [1] * len(self._frames)

    def all_agree(self, blocks: Iterable[FrameBlock]) -> bool:
        """Tell whether frames have no pixel that they should not have, and together all; the first that has ends it."""
        first = 0
        for block in blocks:
            if not self.block_agrees(first, block):
                return False
            first += len(block)
        return self.is_complete()

    @abstractmethod
    def block_agrees(self, first_frame: int, block: FrameBlock) -> bool:
        """Tell whether the frames from that one on have no pixel that they should not have."""

    def is_complete(self) -> bool:
        """Tell whether the frames that agreed, together, show every voxel there is on any plane."""
        images, others = self._shown.images, self._shown.other_planes.tolist()
        if not others or images is None:
            return True
        layers = [SampledLayer.drawn_on(layer, images) for layer in self._shown.segmentation.layers]
        return self._is_count_of_voxels(0, layers, others)

    def has_all_voxels(self, count: int) -> bool:
        """Tell whether the planes of the file have so many voxels of its segments: as many as there are anywhere."""
        return self._is_count_of_voxels(count, self._layers, range(len(self._stack)))

    def wrong_pixels(self, frame: int, block: FrameBlock) -> int:
        """Return how many pixels of one frame are not as they should be."""
        wanted = self._wanted(frame)
        (found,) = block.pixels
        part = wanted[block.first_row :][: len(found)]
        return int(np.count_nonzero(wanted) - np.count_nonzero(part) + np.count_nonzero(part != found))

    def numbers_shown(self) -> set[int]:
        """Return the numbers of the segments that have a pixel in the frames, which agreed."""
        found = self._numbers_met()
        rest = self._shown.position_of.keys() - found
        planes = range(len(self._stack))
        for layer_index, table in self._tables.items():
            searched = rest & set(table.tolist())
            for plane in planes if searched else ():
                region = self._layers[layer_index].region(plane)
                if region is not None:
                    searched -= {int(number) for number in table[_values_in(region.labels)]}
                if not searched:
                    break
            found |= (rest & set(table.tolist())) - searched
        return found

    def _numbers_met(self) -> set[int]:
        """Return the numbers of segments that were met on the way; others may have pixels, too."""
        return {spot[0] for spot in self._spots}

    def do_segments_overlap(self) -> bool:
        """Tell whether any pixel of a plane is of more than one segment of the file."""
        if len(self._tables) < 2:
            return False
        is_taken = np.empty((self._stack.rows, self._stack.columns), dtype=bool)
        return any(self._overlap_on(plane, is_taken) for plane in range(len(self._stack)))

    def _overlap_on(self, plane: int, is_taken: NDArray[np.bool_]) -> bool:
        regions = [
            (region, table)
            for layer_index, table in self._tables.items()
            if (region := self._layers[layer_index].region(plane)) is not None and region.labels.any()
        ]
        if len(regions) < 2:
            return False
        is_taken[...] = False
        for region, table in regions:
            part = _part_of(is_taken, region)
            is_segment = table.take(region.labels, mode="clip") != 0
            if (part & is_segment).any():
                return True
            part |= is_segment
        return False

    def misplaced_spots(self) -> list[str]:
        """Return those of the remembered pixels for which no voxel nearby holds their segment."""
        spots = np.array(self._spots, dtype=np.intp).reshape(-1, 4)
        wrong = []
        for number in sorted({spot[0] for spot in self._spots} & self._shown.position_of.keys()):
            segment = self._segment(number)
            lps = _places_of(self._layers[segment.layer_index].stack, spots[spots[:, 0] == number, 1:])
            layer = self._shown.segmentation.layers[segment.layer_index]
            for place in lps[~_is_near(layer, segment.layer_value, lps)]:
                wrong.append(
                    f"'{segment.name}' is at {place.round(2).tolist()} (LPS) in the file and not in the segmentation"
                )
        return wrong

    @abstractmethod
    def _wanted(self, frame: int) -> Labels:
        """Return the pixels, (rows, columns), that a frame should have."""

    def _segment(self, segment_number: int) -> Segment:
        return self._shown.segmentation.segments[self._shown.position_of[segment_number]]

    @cached_property
    def _tables(self) -> dict[int, Labels]:
        """For each layer of the instance, the segment number for every value it could have."""
        position_of = self._shown.position_of
        dtype = np.min_scalar_type(max(position_of, default=0))
        number_of = {position: number for number, position in position_of.items()}
        return self._shown.segmentation.number_tables(number_of, dtype)

    def _is_count_of_voxels(self, count: int, layers: Sequence[SampledLayer], planes: Sequence[int]) -> bool:
        """Tell whether the segments of the instance have so many voxels on those planes.

        Voxels of whatever value are quickly counted, and are no fewer; only where they are more must one look closer.
        """
        regions = [
            (layer_index, region.labels)
            for layer_index in self._tables
            for plane in planes
            if (region := layers[layer_index].region(plane)) is not None
        ]
        if count == sum(np.count_nonzero(labels) for _, labels in regions):
            return True
        return count == sum(_voxels_of(labels, self._tables[layer_index]) for layer_index, labels in regions)

    def _remember_spots(self, first_frame: int, block: FrameBlock, step: int = 1) -> None:
        """Keep of each frame one pixel that belongs to a segment; the block has every `step`th of rows and columns."""
        if not block.pixels.size:
            self.blank_frames += len(block)
            return
        flat = block.pixels.reshape(len(block), -1)
        at = flat.argmax(axis=1)
        for offset, (pixel, value) in enumerate(zip(at.tolist(), flat[np.arange(len(block)), at].tolist())):
            if value:
                number, plane = self._frames[first_frame + offset]
                row, column = divmod(pixel, block.pixels.shape[2])
                self._spots.append((number or value, plane, block.first_row + row * step, column * step))
            else:
                self.blank_frames += 1


class _LabelMapComparison(VoxelComparison):
    """Compares labels: each voxel with the number at its place, and how many voxels and numbers there are."""

    def __init__(self, shown: Shown, stack: PlaneStack, frames: Sequence[tuple[int, int]]) -> None:
        super().__init__(shown, stack, frames)
        self._differs = np.empty((stack.rows, stack.columns), dtype=bool)
        self._sampled: set[int] = set()

    def block_agrees(self, first_frame: int, block: FrameBlock) -> bool:
        """Tell whether the frame has all pixels that it should have, and no others."""
        sample = FrameBlock(0, block.pixels[:, ::_SAMPLED, ::_SAMPLED])
        if len(self._sampled) <= len(self._shown.position_of):
            self._sampled.update(_values_in(sample.pixels[0]).tolist())
        if sample.pixels.any():
            self._remember_spots(first_frame, sample, _SAMPLED)
        else:
            self._remember_spots(first_frame, block)
        return self._is_as_wanted(first_frame, block.pixels[0])

    def _numbers_met(self) -> set[int]:
        return super()._numbers_met() | self._sampled - {0}

    def wrong_pixels(self, frame: int, block: FrameBlock) -> int:
        return 0 if self._is_as_wanted(frame, block.pixels[0]) else super().wrong_pixels(frame, block)

    def _is_as_wanted(self, frame: int, found: Labels) -> bool:
        """Compare a whole frame: in one step where it is the layer itself, else voxel by voxel of every layer."""
        parts = self._parts(frame)
        if len(parts) == 1 and parts[0][0].labels.shape == found.shape and _is_its_own_number(*parts[0]):
            return not np.not_equal(found, parts[0][0].labels, out=self._differs).any()
        shown = 0
        for region, table in parts:
            room = _part_of(self._differs, region)
            labelled = np.flatnonzero(np.not_equal(region.labels, 0, out=room))
            numbers = table.take(region.labels.reshape(-1).take(labelled), mode="clip")
            stored = _part_of(found, region).reshape(-1).take(labelled)
            if not numbers.all():
                stored, numbers = stored[numbers != 0], numbers[numbers != 0]
            if not np.array_equal(stored, numbers):
                return False
            shown += numbers.size
        return shown == np.count_nonzero(found)

    def _wanted(self, frame: int) -> Labels:
        wanted: Labels = np.zeros(
            (self._stack.rows, self._stack.columns), dtype=np.uint16 if self._shown.bits == 16 else np.uint8
        )
        for region, table in self._parts(frame):
            part = _part_of(wanted, region)
            part |= table.take(region.labels, mode="clip")
        return wanted

    def _parts(self, frame: int) -> list[tuple[Region, Labels]]:
        """Return what each layer has of the frame's plane, and the numbers of its values."""
        _, plane = self._frames[frame]
        return [
            (region, table)
            for layer_index, table in self._tables.items()
            if (region := self._layers[layer_index].region(plane)) is not None
        ]


class _MaskComparison(VoxelComparison):
    """Compares sets of pixels: what each frame shows with its segment, and how many all show with all voxels."""

    def __init__(self, shown: Shown, stack: PlaneStack, frames: Sequence[tuple[int, int]]) -> None:
        super().__init__(shown, stack, frames)
        self._pixels_shown = 0
        self._frames_at_once = max(1, _BLOCK_PIXELS // (stack.rows * stack.columns))
        self._room = np.empty(self._frames_at_once * stack.rows * stack.columns, dtype=bool)

    def block_lengths(self) -> list[int]:
        """Return how many frames to compare at once: of bits, those that one slab shows."""
        if self._shown.bits > 1:
            return super().block_lengths()
        layer_of = [self._layers[0]] * (max(self._shown.position_of, default=0) + 1)
        for number in self._shown.position_of:
            layer_of[number] = self._layers[self._segment(number).layer_index]
        return [count for _, _, count in slabs_of(self._frames, layer_of, self._frames_at_once)]

    def block_agrees(self, first_frame: int, block: FrameBlock) -> bool:
        self._remember_spots(first_frame, block)
        number, plane = self._frames[first_frame]
        shared = self._shared_pixels(self._segment(number), plane, block)
        self._pixels_shown += shared
        return shared == np.count_nonzero(block.pixels)

    def is_complete(self) -> bool:
        shown_planes = range(len(self._stack))
        return self._is_count_of_voxels(self._pixels_shown, self._layers, shown_planes) and super().is_complete()

    def _wanted(self, frame: int) -> Labels:
        number, plane = self._frames[frame]
        segment = self._segment(number)
        wanted: Labels = np.zeros((self._stack.rows, self._stack.columns), dtype=np.uint8)
        region = self._layers[segment.layer_index].region(plane)
        if region is not None:
            _part_of(wanted, region)[region.labels == segment.layer_value] = self._shown.full_value
        return wanted

    def _shared_pixels(self, segment: Segment, plane: int, block: FrameBlock) -> int:
        """Return how many pixels have the full value in the file and the segment's value in its layer."""
        slab = self._layers[segment.layer_index].slab(plane, len(block))
        if slab is None:
            return 0
        top = max(block.first_row, slab.first_row)
        bottom = min(block.first_row + block.pixels.shape[1], slab.first_row + slab.labels.shape[1])
        if top >= bottom:
            return 0
        labels = slab.labels[:, top - slab.first_row : bottom - slab.first_row]
        stored = block.pixels[
            :, top - block.first_row : bottom - block.first_row, slab.first_column : slab.first_column + labels.shape[2]
        ]
        shared = self._room[: labels.size].reshape(labels.shape)
        np.equal(labels, segment.layer_value, out=shared)
        shared &= stored if stored.dtype == bool else stored == self._shown.full_value
        return int(np.count_nonzero(shared))


def _places_of(stack: PlaneStack, spots: NDArray[np.intp]) -> Matrix:
    """Return the places, (n, 3) in LPS, of pixels given as (n, 3): plane, row, column."""
    plane, row, column = spots.T
    down = stack.pixel_spacing_mm[0] * stack.column_direction_lps
    right = stack.pixel_spacing_mm[1] * stack.row_direction_lps
    places: Matrix = stack.positions_lps[plane] + row[:, None] * down + column[:, None] * right
    return places


def _part_of(plane: Plane, region: Region) -> Plane:
    """Return the part of a whole plane that the region covers."""
    rows, columns = region.labels.shape
    return plane[region.first_row :, region.first_column :][:rows, :columns]


def _values_in(labels: Labels | NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the values that occur."""
    return np.flatnonzero(np.bincount(labels.reshape(-1)))


def _is_its_own_number(region: Region, table: Labels) -> bool:
    """Tell whether `table` gives every label of the region its own value."""
    used = table[: int(region.labels.max(initial=0)) + 1]
    return np.array_equal(used, np.arange(len(used)))


def _voxels_of(labels: Labels, table: Labels) -> int:
    """Return how many of the labels `table` gives a number."""
    values = np.flatnonzero(table)
    if values.size > _FEW_VALUES:
        return int(np.count_nonzero(np.take(table, labels, mode="clip")))
    return sum(int(np.count_nonzero(labels == value)) for value in values.tolist())


def _is_near(layer: Layer, value: int, lps: Matrix) -> NDArray[np.bool_]:
    """Tell for each place, (n, 3), whether one of the voxels that are nearest to it holds the value."""
    labels: Labels = layer.labels_kji
    homogeneous = np.column_stack([lps, np.ones(len(lps))])
    kji = np.linalg.solve(layer.geometry.kji_to_lps, homogeneous.T)[:3]
    spacing_mm = np.array(layer.geometry.spacing_mm)[:, None]
    as_near = 0.5 + np.where(spacing_mm < _FINEST_ROUNDED_MM, 0.01, np.maximum(0.01, _ROUNDED_MM / spacing_mm))
    lowest = np.ceil(kji - as_near).astype(np.intp)
    highest = np.floor(kji + as_near).astype(np.intp)
    last = np.array(labels.shape)[:, None] - 1
    near = np.zeros(len(lps), dtype=bool)
    for k, j, i in product(*zip(lowest, highest)):
        voxel = np.stack([k, j, i])
        is_in_layer = ((voxel >= 0) & (voxel <= last)).all(axis=0)
        near[is_in_layer] |= labels[tuple(voxel[:, is_in_layer])] == value
    return near
