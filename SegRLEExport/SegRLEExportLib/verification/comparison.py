"""Whether SEG files, ours or not, hold just what a segmentation holds: every voxel, in world space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.geometry import Geometry, Matrix, PlaneStack
from SegRLEExportLib.model.printable import printable_lines
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.planes.pairing import as_drawn
from SegRLEExportLib.planes.regions import Region
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.reading.pixels import FrameBlock
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.verification.expected_texts import LONG_STRING, cut, in_one_line

_SAME_PLACE_MM = 0.01


@dataclass(frozen=True)
class SegmentComparison:
    """One segment of the segmentation against the files."""

    name: str
    equal: int
    """Voxels in both."""
    only_in_file: int
    only_in_segmentation: int

    @property
    def is_equal(self) -> bool:
        """Whether there is no difference."""
        return not self.only_in_file and not self.only_in_segmentation


@dataclass(frozen=True)
class Comparison:
    """The outcome."""

    segments: tuple[SegmentComparison, ...]
    remarks: tuple[str, ...]
    """Differences beside the voxels."""

    @property
    def is_equal(self) -> bool:
        """Whether files and segmentation agree in everything."""
        return not self.remarks and all(segment.is_equal for segment in self.segments)

    def __str__(self) -> str:
        lines = [
            f"  {segment.name}: {segment.equal} voxels equal, {segment.only_in_file} only in the file, "
            f"{segment.only_in_segmentation} only in the segmentation"
            for segment in self.segments
        ]
        verdict = "equal" if self.is_equal else "DIFFERENT"
        return printable_lines(
            [f"{verdict}: compared in world space", *lines, *(f"  {remark}" for remark in self.remarks)]
        )

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a JSON object."""
        segments = [
            {
                "name": segment.name,
                "equal": segment.equal,
                "only_in_file": segment.only_in_file,
                "only_in_segmentation": segment.only_in_segmentation,
            }
            for segment in self.segments
        ]
        return {"equal": self.is_equal, "segments": segments, "remarks": list(self.remarks)}


def compare(paths: Sequence[Path], segmentation: Segmentation, source: SourceSeries | None = None) -> Comparison:
    """Compare the segments of the files with those of the same name; with `source`, also what the files refer to.

    Raises `NotASegmentationFileError`.
    """
    tallies = {position: _Tally() for position in range(len(segmentation.segments))}
    found: set[int] = set()
    remarks = []
    for seg in (SegFile(path) for path in paths):
        position_of_number = {}
        for record in seg.segments:
            position = _position_of(record.label, segmentation, found)
            if position is None:
                remarks.append(f"the segment '{record.label}' of {seg.path.name} is not in the segmentation")
            else:
                found.add(position)
                position_of_number[record.number] = position
        _tally(seg, position_of_number, segmentation, tallies, source)
        remarks.extend(_doubled_frames(seg))
        if source is not None:
            remarks.extend(_reference_remarks(seg, source))
    missing = [segment.name for n, segment in enumerate(segmentation.segments) if n not in found]
    remarks.extend(f"the segment '{name}' is in none of the files" for name in missing)
    return Comparison(tuple(_outcome(segmentation, n, tallies[n]) for n in tallies), tuple(remarks))


@dataclass
class _Tally:
    equal: int = 0
    only_in_file: int = 0


def _position_of(label: str, segmentation: Segmentation, found: set[int]) -> int | None:
    """Return the first segment of that name which has no partner yet."""
    for position, segment in enumerate(segmentation.segments):
        if cut(in_one_line(segment.name), LONG_STRING) == label and position not in found:
            return position
    return None


def _tally(
    seg: SegFile,
    position_of_number: dict[int, int],
    segmentation: Segmentation,
    tallies: dict[int, _Tally],
    source: SourceSeries | None,
) -> None:
    """Add what each frame of the file has in common with the segmentation at its place; doubled ones count once."""
    stack, plane_of_frame = seg.planes
    layers = [SampledLayer(layer, _as_drawn(layer.geometry, stack, source)) for layer in segmentation.layers]
    seen: set[tuple[int, int]] = set()
    for block, frame_number, plane in zip(seg.blocks(), seg.frames.segment_numbers, plane_of_frame):
        if (frame_number, plane) in seen:
            continue
        seen.add((frame_number, plane))
        for number in _numbers_in(block) if seg.is_label_map else [frame_number]:
            if number not in position_of_number:
                continue
            position = position_of_number[number]
            segment = segmentation.segments[position]
            in_file = block.pixels[0] == number if seg.is_label_map else block.pixels[0] != 0
            region = layers[segment.layer_index].region(plane)
            shared = 0 if region is None else _shared(in_file, block.first_row, region, segment.layer_value)
            tallies[position].equal += shared
            tallies[position].only_in_file += int(np.count_nonzero(in_file)) - shared


def _numbers_in(block: FrameBlock) -> list[int]:
    """Return the numbers of the segments that a frame of a label map shows."""
    numbers: list[int] = np.flatnonzero(np.bincount(block.pixels.reshape(-1))).tolist()
    return [number for number in numbers if number]


def _shared(in_file: NDArray[np.bool_], first_row: int, region: Region, value: int) -> int:
    """Return how many pixels of a frame, from that row on, hold the value in the segmentation, too."""
    rows, columns = region.labels.shape
    top, bottom = max(first_row, region.first_row), min(first_row + len(in_file), region.first_row + rows)
    if top >= bottom:
        return 0
    labels = region.labels[top - region.first_row : bottom - region.first_row]
    pixels = in_file[top - first_row : bottom - first_row, region.first_column : region.first_column + columns]
    return int(np.count_nonzero(pixels & (labels == value)))


def _as_drawn(geometry: Geometry, stack: PlaneStack, source: SourceSeries | None) -> PlaneStack:
    """Return the planes of a file where the grid has them: elsewhere if they are images and it an even copy of them."""
    if source is None or _distances_mm(stack.positions_lps, source).max() > _SAME_PLACE_MM:
        return stack
    return as_drawn(geometry, stack, source.stack)


def _distances_mm(positions_lps: Matrix, source: SourceSeries) -> Matrix:
    """Return how far each plane's first pixel lies from the nearest one of an image."""
    between = positions_lps[:, None] - source.stack.positions_lps[None]
    nearest: Matrix = np.linalg.norm(between, axis=2).min(axis=1)
    return nearest


def _doubled_frames(seg: SegFile) -> list[str]:
    claims = list(zip(seg.frames.segment_numbers, seg.planes[1]))
    doubled = len(claims) - len(set(claims))
    return [f"frames of {seg.path.name} that repeat the segment and plane of another: {doubled}"] if doubled else []


def _outcome(segmentation: Segmentation, position: int, tally: _Tally) -> SegmentComparison:
    segment = segmentation.segments[position]
    labels = segmentation.layers[segment.layer_index].labels_kji
    total = int(np.count_nonzero(labels == segment.layer_value))
    return SegmentComparison(segment.name, tally.equal, tally.only_in_file, total - tally.equal)


def _reference_remarks(seg: SegFile, source: SourceSeries) -> list[str]:
    known = {frame.sop_instance_uid for frame in source.frames}
    unknown = seg.referenced_instance_uids - known
    remarks = []
    if not seg.referenced_instance_uids:
        remarks.append(f"{seg.path.name} refers to no images")
    if unknown:
        remarks.append(f"{seg.path.name} refers to {len(unknown)} images that are not in the series")
    stack, plane_of_frame = seg.planes
    is_elsewhere = _distances_mm(stack.positions_lps, source) > _SAME_PLACE_MM
    elsewhere = int(np.count_nonzero(is_elsewhere[plane_of_frame]))
    if elsewhere:
        remarks.append(f"{elsewhere} frames of {seg.path.name} do not begin where an image of the series begins")
    return remarks
