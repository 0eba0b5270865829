"""Which segments and frames go into which SOP instance, and in which order.

Segments are numbered 1..N without gaps; empty ones come last, because readers that give the n-th label
they meet the n-th description (3D Slicer does) would otherwise shift every name after them.
Frames are ordered by segment, then by plane. Nothing here knows bytes or files.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """Positions in the segmentation; the first has segment number 1, the next 2."""
    frame_segment_numbers: NDArray[np.intp]
    """(frames,), the segment a frame shows; all 0 in a label map."""
    frame_planes: NDArray[np.intp]
    """(frames,), index of the plane in the stack."""
    segments_overlap: bool

    @property
    def frame_count(self) -> int:
        """Number of Frames (0028,0008)."""
        return len(self.frame_planes)

    @property
    def numbers(self) -> dict[int, int]:
        """Segment number by position in the segmentation."""
        return {position: number for number, position in enumerate(self.segment_positions, start=1)}


def divide(plan: EncodingPlan, index: FrameIndex, overlaps: Overlaps, *, keep_empty_frames: bool) -> list[Instance]:
    """Return the instances that `plan` makes of the indexed segments, each with at least one frame."""
    present = np.flatnonzero(index.segment_voxels > 0).tolist()
    empty = np.flatnonzero(index.segment_voxels == 0).tolist()
    if plan.split is Split.EACH_SEGMENT:
        groups = [[position] for position in present + (empty if keep_empty_frames else [])]
    elif plan.split is Split.WHERE_OVERLAPPING:
        groups = group_apart(present, overlaps) or [[]]
        groups[0] = groups[0] + empty
    else:
        groups = [present + empty]
    return [
        _instance(number, plan, tuple(group), index, overlaps, keep_empty_frames)
        for number, group in enumerate(groups, start=1)
    ]


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
