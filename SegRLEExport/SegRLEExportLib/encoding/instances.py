"""Which segments and frames go into which SOP instance, and in which order.

Segments are numbered 1..N without gaps; empty ones come last, because readers that give the n-th label
they meet the n-th description (3D Slicer does) would otherwise shift every name after them.
Frames are ordered by segment, then by plane. Nothing here knows bytes or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.encoding.plan import EncodingPlan, Split
from SegRLEExportLib.planes.frames import FrameIndex
from SegRLEExportLib.planes.overlaps import Overlaps, group_apart


@dataclass(frozen=True, eq=False)
class Instance:
    """One SOP instance to be written."""

    number: int
    """Which of the files of this export it is, from 1; each is a series of its own."""
    segment_positions: tuple[int, ...]
    """Positions in the segmentation; the first has segment number 1, the next 2, unless values are kept."""
    frame_segment_numbers: NDArray[np.intp]
    """(frames,), the segment a frame shows; all 0 in a label map."""
    frame_planes: NDArray[np.intp]
    """(frames,), index of the plane in the stack."""
    segments_overlap: bool
    kept_values: tuple[int, ...] | None = None
    """Segment numbers, ascending, if they are the label values of the caller; None: 1 to N."""

    @property
    def frame_count(self) -> int:
        """Number of Frames (0028,0008)."""
        return len(self.frame_planes)

    @property
    def numbers(self) -> dict[int, int]:
        """Segment number by position in the segmentation."""
        if self.kept_values is not None:
            return dict(zip(self.segment_positions, self.kept_values))
        return {position: number for number, position in enumerate(self.segment_positions, start=1)}

    @property
    def largest_number(self) -> int:
        """The largest segment number, 0 if there is none."""
        return max(self.numbers.values(), default=0)


def divide(
    plan: EncodingPlan,
    index: FrameIndex,
    overlaps: Overlaps,
    *,
    keep_empty_frames: bool,
    values: Sequence[int] | None = None,
) -> list[Instance]:
    """Return the instances that `plan` makes of the indexed segments, each with at least one frame.

    `values` are the numbers of the segments by position, where a label map is to have those.
    """
    present = np.flatnonzero(index.segment_voxels > 0).tolist()
    empty = np.flatnonzero(index.segment_voxels == 0).tolist()
    if plan.split is Split.EACH_SEGMENT:
        groups = [[position] for position in present + (empty if keep_empty_frames else [])]
    elif plan.split is Split.WHERE_OVERLAPPING:
        groups = group_apart(present, overlaps) or [[]]
        groups[0] = groups[0] + empty
    else:
        groups = [present + empty]
    instances = [
        _instance(number, plan, tuple(group), index, overlaps, keep_empty_frames)
        for number, group in enumerate(groups, start=1)
    ]
    return instances if values is None or not plan.is_label_map else [_with_values(one, values) for one in instances]


def _with_values(instance: Instance, values: Sequence[int]) -> Instance:
    """Return the instance with those numbers, ascending: dcmqi, and with it 3D Slicer, sorts what it reads by them."""
    positions = tuple(sorted(instance.segment_positions, key=lambda position: values[position]))
    return replace(instance, segment_positions=positions, kept_values=tuple(values[one] for one in positions))


def _instance(
    number: int,
    plan: EncodingPlan,
    group: tuple[int, ...],
    index: FrameIndex,
    overlaps: Overlaps,
    keep_empty_frames: bool,
) -> Instance:
    has_voxels = index.voxels[list(group)] > 0
    if plan.is_label_map:
        shown = has_voxels.any(axis=0) | keep_empty_frames
        frame_planes = np.flatnonzero(shown)
        frame_segment_numbers = np.zeros_like(frame_planes)
    else:
        row_of_group, frame_planes = np.nonzero(has_voxels | keep_empty_frames)
        frame_segment_numbers = row_of_group + 1
    members = set(group)
    overlap = any(one in members and other in members for one, other in overlaps)
    return Instance(number, group, frame_segment_numbers, frame_planes, overlap)
