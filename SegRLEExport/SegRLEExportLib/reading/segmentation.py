"""From DICOM SEG files, of any program, to a `Segmentation`: layers of labels on a regular grid, and their segments.

Files of one export are joined. Segments that do not cover each other share a layer. Memory is that of the layers:
frames are painted as they are read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.errors import NotASegmentationFileError, UnusableArgumentError, UnusableSegFileError
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.given import told
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Labels, Layer, Origin, Segment, Segmentation, voxels_of_values
from SegRLEExportLib.model.source_series import text_of
from SegRLEExportLib.model.usual_color import usual_color
from SegRLEExportLib.reading.canvas import Canvas
from SegRLEExportLib.reading.damage import GET_ANEW, MORE_MEMORY, SegFileError, readable
from SegRLEExportLib.reading.folder import OF_ONE_EXPORT
from SegRLEExportLib.reading.grid import Grid, grid_of, joined
from SegRLEExportLib.reading.parts import missing_parts, part_in
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.reading.segments import SegmentRecord

_BLOCK_BYTES = 1 << 20
"""Frames of bits are read together up to so many bytes."""

_ANOTHER_PROGRAM = "Convert it with the program that wrote it, or draw it again on an evenly spaced volume."
_PLACED_ONLY = "Only a segmentation whose frames are parallel planes in the patient can be used."
_ORDER = ("SeriesNumber", "InstanceNumber")
_NUMBER = re.compile(r"\d{1,12}")


def segmentation_of(files: Sequence[Path | SegFile], *, threshold: float | None = None) -> Segmentation:
    """Return the segments of one or several DICOM SEG files that belong together.

    Files of one export come in its order, whatever the order given: names of files have UIDs, which are random.

    Pixels of FRACTIONAL files must be 0 or the largest value, unless a `threshold` above 0 and up to 1 says from
    which share of it on a pixel belongs to the segment.

    Raises `NotASegmentationFileError`, `UnusableSegFileError`, or `UnusableArgumentError` for another threshold.
    """
    refuse_no_share(threshold)
    segs = _as_exported([file if isinstance(file, SegFile) else SegFile(file) for file in files])
    _refuse_the_same_twice(segs)
    _refuse_different_places(segs)
    numbers = _values_of(segs)
    try:
        return _painted(segs, numbers, threshold)
    except MemoryError as error:
        reason = "there is not enough memory for its voxels"
        raise UnusableSegFileError(segs[0].path, reason, MORE_MEMORY) from error


def _as_exported(segs: list[SegFile]) -> list[SegFile]:
    """Return the files of one export by their series and instance numbers, and others as they were given."""
    if len({tuple(text_of(seg.dataset, keyword) for keyword in OF_ONE_EXPORT) for seg in segs}) > 1:
        return segs
    numbers = [[text_of(seg.dataset, keyword) for keyword in _ORDER] for seg in segs]
    if not all(_NUMBER.fullmatch(text) for texts in numbers for text in texts):
        return segs
    return [seg for _, seg in sorted(zip(numbers, segs), key=lambda pair: [int(text) for text in pair[0]])]


def refuse_no_share(threshold: Any) -> None:
    """Raise `UnusableArgumentError` for a threshold that is neither None nor a share."""
    if threshold is not None and not (isinstance(threshold, (int, float, np.number)) and 0 < threshold <= 1):
        raise UnusableArgumentError("threshold", told(threshold), "a share above 0 and up to 1, such as 0.5")


def _painted(segs: list[SegFile], numbers: dict[tuple[int, int], int], threshold: float | None) -> Segmentation:
    layers: list[Layer] = []
    segments: dict[tuple[int, int], Segment] = {}
    for group, grid in _grids(segs):
        painted = _Painting(grid, max(numbers.values(), default=1), threshold)
        for index in group:
            painted.add(segs[index], {record.number: numbers[index, record.number] for record in segs[index].segments})
        segments.update(painted.segments(segs, group, numbers, len(layers)))
        layers.extend(Layer(labels, grid.geometry) for labels in painted.canvas.layers)
    ordered = tuple(segments[key] for key in _in_order(segs, [*segments]))
    return Segmentation(_name(segs), tuple(layers), ordered, tuple(missing_parts(segs)), _origin(segs))


def _origin(segs: list[SegFile]) -> Origin:
    """Return what the first file says of the patient, and the series that all of them refer to."""
    first = segs[0].dataset
    return Origin(
        text_of(first, "PatientName").strip(),
        text_of(first, "PatientID").strip(),
        text_of(first, "FrameOfReferenceUID"),
        frozenset().union(*(seg.referenced_series_uids for seg in segs)),
        has_place=all(seg.has_place for seg in segs),
    )


def _in_order(segs: list[SegFile], keys: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return file index and segment number of each segment in the order that the files tell, if any of them does."""
    if all(seg.places is None for seg in segs):
        return keys

    def place(key: tuple[int, int]) -> int:
        index, number = key
        return (segs[index].places or {}).get(number, number)

    return sorted(keys, key=place)


def _values_of(segs: list[SegFile]) -> dict[tuple[int, int], int]:
    """Return for each file's index and segment number the number among all segments: its own if there is one file."""
    described = [
        (index, record.number)
        for index, seg in enumerate(segs)
        for record in sorted(seg.segments, key=lambda record: record.number)
    ]
    return {key: key[1] if len(segs) == 1 else n for n, key in enumerate(described, start=1)}


def _refuse_the_same_twice(segs: list[SegFile]) -> None:
    seen: dict[str, Path] = {}
    for seg in segs:
        uid = text_of(seg.dataset, "SOPInstanceUID")
        if uid and uid in seen:
            raise UnusableSegFileError(
                seg.path, f"it is the same instance as {seen[uid]}", "Give each file of a segmentation once."
            )
        seen[uid] = seg.path


def _refuse_different_places(segs: list[SegFile]) -> None:
    for keyword, what in (("StudyInstanceUID", "study"), ("FrameOfReferenceUID", "frame of reference")):
        stated = {text_of(seg.dataset, keyword) for seg in segs} - {""}
        if len(stated) > 1:
            raise UnusableSegFileError(
                segs[1].path,
                f"it does not share the {what} of {segs[0].path.name}",
                "Give only the files of one segmentation together.",
            )


def _refuse_different_images(segs: list[SegFile]) -> None:
    """Raise `UnusableSegFileError` for files without a place that lie on different images: nothing else tells them."""
    longest = max((seg.images_without_place for seg in segs if not seg.has_place), key=len, default=[])
    for seg in segs:
        images = [] if seg.has_place else seg.images_without_place
        if images != longest[: len(images)] or (longest and not images):
            raise UnusableSegFileError(
                seg.path,
                f"it does not lie on the images of {segs[0].path.name}",
                "Give only the files of one segmentation together.",
            )


def _grids(segs: list[SegFile]) -> Iterator[tuple[list[int], Grid]]:
    """Yield the indices of files that share a grid, and the grid: all of them if they fit together."""
    stacks = [stack_of(seg) for seg in segs]
    _refuse_different_images(segs)
    stack = joined(stacks) if len(segs) > 1 else stacks[0]
    if stack is not None:
        try:
            yield [*range(len(segs))], _grid_of(stack, segs[0])
            return
        except SegFileError as error:
            if len(segs) == 1:
                raise UnusableSegFileError(segs[0].path, str(error), _ANOTHER_PROGRAM) from error
    for index, seg in enumerate(segs):
        try:
            yield [index], _grid_of(stacks[index], seg)
        except SegFileError as error:
            raise UnusableSegFileError(seg.path, str(error), _ANOTHER_PROGRAM) from error


def stack_of(seg: SegFile) -> PlaneStack:
    """Return the planes of a file; raises `UnusableSegFileError` where its frames have no place in the patient."""
    try:
        return seg.planes[0]
    except NotASegmentationFileError as error:
        raise UnusableSegFileError(seg.path, error.reason, _PLACED_ONLY) from error


def _grid_of(stack: PlaneStack, seg: SegFile) -> Grid:
    if not seg.has_place:
        return grid_of(stack, None, 1.0)
    first = seg.frames.places[0]
    return grid_of(stack, first.thickness_mm, first.spacing_between_mm)


class _Painting:
    """What the files that share a grid show."""

    def __init__(self, grid: Grid, largest_value: int, threshold: float | None) -> None:
        self._grid = grid
        self._threshold = threshold
        self.canvas = Canvas(grid.geometry.shape_kji, largest_value)
        self._label_maps: dict[int, int] = {}
        """By the value of a segment of a label map: the layer it is in."""

    def add(self, seg: SegFile, value_of: dict[int, int]) -> None:
        """Paint every frame of a file; `value_of` gives for each of its segment numbers the one among all."""
        planes = self._planes_of_frames(seg)
        if seg.is_label_map:
            self._add_label_map(seg, planes, value_of)
            return
        undescribed = sorted(set(seg.frames.segment_numbers) - value_of.keys())
        if undescribed:
            raise NotASegmentationFileError(
                seg.path, f"its frames show segment {undescribed[0]}, which is not described", GET_ANEW
            )
        _refuse_frames_of_one_place(seg, planes)
        for frame, first_pixel, bits in _bits(seg, self._threshold):
            self.canvas.paint(value_of[seg.frames.segment_numbers[frame]], planes[frame], first_pixel, bits)

    def _planes_of_frames(self, seg: SegFile) -> list[int]:
        """Return for each frame its k on the grid."""
        stack, plane_of_frame = seg.planes
        to_lps = self._grid.geometry.kji_to_lps
        step = to_lps[:3, 0]
        k = np.rint((stack.positions_lps - to_lps[:3, 3]) @ stack.normal_lps / (step @ stack.normal_lps))
        planes: list[int] = k.astype(np.intp)[plane_of_frame].tolist()
        return planes

    def _add_label_map(self, seg: SegFile, planes: list[int], value_of: dict[int, int]) -> None:
        is_small = seg.pixel_data.bits_allocated <= 8 and max(value_of, default=1) <= 255
        dtype = np.uint8 if is_small else np.uint16
        labels: Labels = np.zeros(self._grid.geometry.shape_kji, dtype)
        padding = seg.padding_value if seg.padding_value not in value_of else None
        drawn: set[int] = set()
        for plane, stored in zip(planes, seg.pixels()):
            if plane in drawn:
                raise UnusableSegFileError(
                    seg.path, "two of its frames are label maps of one plane", "Take one of them out of it."
                )
            drawn.add(plane)
            labels[plane] = stored
            if padding:
                labels[plane][stored == padding] = 0
        _refuse_undescribed(seg, labels)
        layer = self.canvas.add(labels)
        self._label_maps.update(dict.fromkeys(value_of.values(), layer))

    def segments(
        self, segs: list[SegFile], group: list[int], values: dict[tuple[int, int], int], first_layer: int
    ) -> Iterator[tuple[tuple[int, int], Segment]]:
        """Yield the segments of the files, empty ones too, by index of the file and number in it."""
        for index in group:
            for record in sorted(segs[index].segments, key=lambda record: record.number):
                value = values[index, record.number]
                if segs[index].is_label_map:
                    yield (
                        (index, record.number),
                        _segment(record, value, first_layer + self._label_maps[value], record.number),
                    )
                    continue
                if not self.canvas.layers:
                    self.canvas.add(np.zeros(self._grid.geometry.shape_kji, np.uint8))
                layer = first_layer + self.canvas.layer_of.get(value, 0)
                yield (index, record.number), _segment(record, value, layer, value)


def _refuse_frames_of_one_place(seg: SegFile, planes: list[int]) -> None:
    """Raise `UnusableSegFileError` for frames of several times: together they would be what was at none of them."""
    claims = Counter(zip(seg.frames.segment_numbers, planes))
    number, often = max(((number, often) for (number, _), often in claims.items()), key=itemgetter(1))
    if often > 1:
        raise UnusableSegFileError(
            seg.path,
            f"{often} of its frames show segment {number} on one plane, as where there are several times",
            "Take the frames of one time out of it with the program that wrote it.",
        )


def _refuse_undescribed(seg: SegFile, labels: Labels) -> None:
    """Raise `NotASegmentationFileError` if a pixel shows what no segment describes: its voxels would be lost."""
    described = {record.number for record in seg.segments}
    largest = int(labels.max(initial=0))
    if all(number in described for number in range(1, largest + 1)):
        return
    shown = np.flatnonzero(voxels_of_values(labels)).tolist()
    unknown = [value for value in shown if value and value not in described]
    if unknown:
        raise NotASegmentationFileError(
            seg.path, f"its pixels show segment {unknown[0]}, which is not described", GET_ANEW
        )


def _segment(record: SegmentRecord, number: int, layer: int, layer_value: int) -> Segment:
    return Segment(
        id=f"Segment_{number}",
        name=record.label or f"Segment {number}",
        layer_index=layer,
        layer_value=layer_value,
        color_rgb=record.color_rgb or usual_color(number),
        terminology=record.terminology,
        description=record.description,
        algorithm_type=record.algorithm,
        algorithm_name=record.algorithm_name,
        tracking_id=record.tracking_id,
        tracking_uid=record.tracking_uid,
        code_faults=record.code_faults,
    )


def _name(segs: list[SegFile]) -> str:
    return part_in(text_of(segs[0].dataset, "SeriesDescription").strip()).name or segs[0].path.stem


def _bits(seg: SegFile, threshold: float | None) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """Yield for each frame that shows anything its index, its first pixel that is told, and from it on 0 and 1."""
    pixels = seg.pixel_data
    if pixels.bits_allocated == 1 and not pixels.is_encapsulated and pixels.frame_pixels % 64 == 0:
        yield from _packed_bits(seg)
        return
    for frame, block in enumerate(seg.blocks()):
        (part,) = block.pixels
        if part.any():
            shown = _shown(seg, part, threshold)
            yield frame, block.first_row * pixels.columns, shown.view(np.uint8).reshape(-1)


def _packed_bits(seg: SegFile) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """Unpack of each frame only what lies between the first and the last eight bytes in use."""
    pixels = seg.pixel_data
    at_once = max(1, _BLOCK_BYTES * 8 // pixels.frame_pixels)
    counts = [min(at_once, seg.frame_count - first) for first in range(0, seg.frame_count, at_once)]
    frame = 0
    with readable(seg.path, "Pixel Data"):
        for block in pixels.packed_blocks(counts):
            used = block.view(np.uint64) != 0
            firsts = used.argmax(axis=1).tolist()
            lasts = (used.shape[1] - used[:, ::-1].argmax(axis=1)).tolist()
            for packed, first, last in zip(block, firsts, lasts):
                if used[frame % at_once, first]:
                    yield frame, first * 64, np.unpackbits(packed[first * 8 : last * 8], bitorder="little")
                frame += 1


def _shown(seg: SegFile, part: Labels | NDArray[np.bool_], threshold: float | None) -> NDArray[np.bool_]:
    """Return which pixels belong to the segment."""
    if not seg.is_fractional or part.dtype == bool:
        return np.not_equal(part, 0)
    if threshold is not None:
        return np.greater_equal(part, max(threshold * seg.maximum_fraction, 1e-9))
    full = np.equal(part, seg.maximum_fraction)
    if np.count_nonzero(part) == np.count_nonzero(full):
        return full
    kind = seg.fractional_type.lower() or "fraction"
    between = int(part[(part != 0) & ~full][0])
    raise UnusableSegFileError(
        seg.path,
        f"its pixels are of type {kind}, not only 0 and {seg.maximum_fraction} (one is {between})",
        Remedy.THRESHOLD.value,
    )
