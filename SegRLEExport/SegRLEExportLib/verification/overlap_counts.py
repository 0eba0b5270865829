"""How many pixels each segment of files shares with each of a segmentation, and which of them belong together.

Only `verify` asks, and only of files in which `pixels` has found that not every voxel is as it should be, or whose
names do not tell who is who: to pair strangers, every pixel of each must be counted with each of ours, which
takes two to seven times as long (W2 with one layer, with thirty).

Segments belong together by name, if they share a voxel; where names are not there, differ or are the same, by voxels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.errors import NotASegmentationFileError
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.segmentation import Labels, Segmentation
from SegRLEExportLib.planes.regions import Region
from SegRLEExportLib.reading.pixels import FrameBlock
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.verification.expected_texts import LONG_STRING, cut, in_one_line
from SegRLEExportLib.verification.voxel_comparison import layers_on

Key = tuple[int, int]
"""A segment of a file: which file, from 0, and its number."""

_MOST_COUNTED = 1 << 22
"""Up to this value there is a counter for each; above, values are sorted instead."""

_SAME_SEGMENT = 0.5
"""Segments of different names that share this part of their voxels (Dice) belong together."""


@dataclass
class Counts:
    """Pixels of the segments of all files."""

    in_file: Counter[Key] = field(default_factory=Counter)
    shared: Counter[tuple[Key, int]] = field(default_factory=Counter)
    """With each segment of the segmentation, by its position."""
    fractions: Counter[Key] = field(default_factory=Counter)
    """Pixels that are neither 0 nor the whole."""
    doubled_frames: list[int] = field(default_factory=list)
    """Of each file, frames that repeat segment and plane of another; they are not counted."""


class Counting:
    """Counts the pixels of one file after the other."""

    def __init__(self, segmentation: Segmentation) -> None:
        self.counts = Counts()
        self._segmentation = segmentation
        count = len(segmentation.segments)
        self._tables = segmentation.number_tables({n: n + 1 for n in range(count)}, np.min_scalar_type(count))

    def add(self, seg: SegFile, images: PlaneStack | None) -> str:
        """Count the pixels of a file; `images` are those on which its planes lie, if they do.

        Returns what DICOM does not allow in the way they are stored, though they can be read; else nothing.
        Raises `NotASegmentationFileError` where they cannot.
        """
        before = deepcopy(self.counts)
        try:
            self._add(seg, images, is_strict=True)
        except NotASegmentationFileError as error:
            self.counts = before
            self._add(seg, images, is_strict=False)
            return error.reason
        return ""

    def _add(self, seg: SegFile, images: PlaneStack | None, *, is_strict: bool) -> None:
        file = len(self.counts.doubled_frames)
        stack, plane_of_frame = seg.planes
        layers = layers_on(self._segmentation.layers, stack, images)
        seen: set[Key] = set()
        blocks = seg.blocks(is_strict=is_strict)
        for block, number, plane in zip(blocks, seg.frames.segment_numbers, plane_of_frame):
            if (number, plane) not in seen:
                seen.add((number, plane))
                whole = seg.maximum_fraction if seg.is_fractional else None
                self._add_frame(file, number, block, [layer.region(plane) for layer in layers], whole)
        self.counts.doubled_frames.append(seg.frame_count - len(seen))

    def _add_frame(
        self, file: int, number: int, block: FrameBlock, regions: Sequence[Region | None], whole: int | None
    ) -> None:
        """Count the pixels of a frame, of one segment or, with number 0, of a label map."""
        found = block.pixels[0]
        for value, count in _counted(found, number):
            self.counts.in_file[file, value] += count
        if whole is not None:
            self.counts.fractions[file, number] += int(np.count_nonzero((found != 0) & (found != whole)))
        for layer_index, table in self._tables.items():
            region = regions[layer_index]
            if region is None:
                continue
            rows, columns = region.labels.shape
            top = max(block.first_row, region.first_row)
            bottom = min(block.first_row + len(found), region.first_row + rows)
            if top < bottom:
                part = found[top - block.first_row : bottom - block.first_row, region.first_column :][:, :columns]
                labels = region.labels[top - region.first_row : bottom - region.first_row]
                for value, label, count in _counted_pairs(part, labels, number):
                    if table[label]:
                        self.counts.shared[(file, value), int(table[label]) - 1] += count


def pairs_of(
    segs: Sequence[SegFile], segmentation: Segmentation, counts: Counts, totals: Sequence[int]
) -> dict[Key, int]:
    """Return the position for each segment of a file that has a partner; `totals` are the voxels of each position."""
    labels = {(file, record.number): record.label for file, seg in enumerate(segs) for record in seg.segments}
    names = [cut(in_one_line(segment.name), LONG_STRING) for segment in segmentation.segments]
    likeness = {
        (key, position): 2 * shared / max(1, counts.in_file[key] + totals[position])
        for (key, position), shared in counts.shared.items()
        if key in labels
    }
    by_likeness = sorted(likeness, key=lambda pair: (-likeness[pair], pair))
    same_name = [
        (key, position) for key, label in labels.items() for position, name in enumerate(names) if name == label
    ]
    alike = [pair for pair in by_likeness if likeness[pair] >= _SAME_SEGMENT]
    are_named_alike = set(same_name)
    ordered = [*(pair for pair in by_likeness if pair in are_named_alike), *alike, *same_name]
    pairs: dict[Key, int] = {}
    for key, position in ordered:
        if key not in pairs and position not in pairs.values():
            pairs[key] = position
    return dict(sorted(pairs.items()))


def _counted(pixels: NDArray[Any], number: int) -> list[tuple[int, int]]:
    """Return how often each segment is shown: that of the number, or in a label map (0) each that a pixel names."""
    if number:
        count = int(np.count_nonzero(pixels))
        return [(number, count)] if count else []
    return _times(pixels[pixels != 0])


def _counted_pairs(pixels: NDArray[Any], labels: Labels, number: int) -> list[tuple[int, int, int]]:
    """Return how often each segment is shown where each label is."""
    shown = pixels if pixels.dtype == bool else pixels != 0
    there = labels[shown]
    if number:
        return [(number, label, count) for label, count in _times(there)]
    size = int(labels.max(initial=0)) + 1
    pairs = pixels[shown].astype(np.intp) * size + there
    return [(*divmod(pair, size), count) for pair, count in _times(pairs)]


def _times(values: NDArray[Any]) -> list[tuple[int, int]]:
    """Return each value that occurs, and how often."""
    if values.size and values.max() > _MOST_COUNTED:
        found, often = np.unique(values, return_counts=True)
        return [*zip(found.tolist(), often.tolist())]
    counts = np.bincount(values)
    found = np.flatnonzero(counts)
    return [*zip(found.tolist(), counts[found].tolist())]
