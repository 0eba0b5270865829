"""Is the file what we meant to write?

The file is read back with `read_back`; every pixel of every frame is compared with the segmentation at the place
that the file itself states. Nothing of the writer's pixel path is trusted: a frame that is missing, doubled,
misplaced or cut off is found. One pixel of each frame is also looked up by bare matrix arithmetic, without
`sampling`, which writer and verification share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset

from SegRLEExportLib.dataset.segments import segment_items
from SegRLEExportLib.draft import Draft
from SegRLEExportLib.encoding.plan import EncodingPlan, SegmentationType
from SegRLEExportLib.encoding.rle import RLEStructureError
from SegRLEExportLib.errors import VerificationError
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.segmentation import Labels
from SegRLEExportLib.pixels import LabelPlanes
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.read_back import FrameRecord, ReadBackError, SegReadBack
from SegRLEExportLib.report import Verification
from SegRLEExportLib.sampling import SampledLayer

_ROUNDED_DECIMALS = 3
"""Positions that agree to a micrometre are those of one plane."""

_NEAREST_VOXELS = 0.5 + 1e-3
"""A pixel may take its value from a voxel no farther than this along an axis; positions are rounded to be written."""

Place = tuple[float, ...]


def verify(path: Path, draft: Draft, progress: Progress) -> Verification:
    """Compare the file with what it was made from; return what was compared.

    Raises `VerificationError`, naming the differences.
    """
    check = _Check(path, draft, progress)
    try:
        with SegReadBack(path) as file:
            check.header(file)
            check.frames(file)
            check.pixels(file)
        if file.is_rle:
            check.fragments()
    except (ReadBackError, RLEStructureError) as error:
        check.differences.append(str(error))
    if check.differences:
        raise VerificationError(path, check.differences)
    voxels = int(draft.survey.index.segment_voxels[list(draft.instance.segment_positions)].sum())
    return Verification(_reader_of(draft.plan), draft.instance.frame_count, voxels)


def _reader_of(plan: EncodingPlan) -> str:
    if not plan.is_encapsulated:
        return "zlib and numpy" if plan.is_deflated else "numpy"
    if plan.segmentation_type is SegmentationType.BINARY:
        return "SegRLEExport's own decoder, as this pydicom reads no 1-bit RLE"
    return f"pydicom {pydicom.__version__}"


@dataclass
class _Check:
    path: Path
    draft: Draft
    progress: Progress
    differences: list[str] = field(default_factory=list)

    def header(self, file: SegReadBack) -> None:
        """Compare what the file says of itself as a whole."""
        plan, instance = self.draft.plan, self.draft.instance
        self._same("transfer syntax", file.meta.TransferSyntaxUID, plan.transfer_syntax)
        self._same("SOP class", file.header.SOPClassUID, plan.sop_class)
        self._same("SOP instance in the file's meta", file.meta.MediaStorageSOPInstanceUID, file.header.SOPInstanceUID)
        self._same("Segmentation Type", file.header.SegmentationType, plan.segmentation_type.value)
        self._same("Number of Frames", int(file.header.NumberOfFrames), instance.frame_count)
        self._same("Bits Allocated", file.header.BitsAllocated, self.draft.bits_allocated)
        described = segment_items(
            self.draft.survey.segmentation,
            instance.segment_positions,
            self.draft.survey.source.series_instance_uid,
            with_background=plan.is_label_map,
        )
        found = [_identity(item) for item in file.header.SegmentSequence]
        self._same("segments", found, [_identity(item) for item in described])

    def frames(self, file: SegReadBack) -> None:
        """Compare which segment, place and source image each frame claims."""
        sources = self.draft.survey.source_frames
        instance, places = self.draft.instance, [_place(p) for p in self.draft.survey.stack.positions_lps.tolist()]
        wanted = [
            (number, places[plane], source.sop_instance_uid if (source := sources[plane]) else "")
            for number, plane in zip(instance.frame_segment_numbers.tolist(), instance.frame_planes.tolist())
        ]
        found = [(frame.segment_number, _place(frame.position_lps), frame.source_instance_uid) for frame in file.frames]
        self._same("number of frame groups", len(found), len(wanted))
        for number, (one, other) in enumerate(zip(found, wanted), start=1):
            self._same(f"segment, place and source image of frame {number}", one, other)
        indices = [frame.dimension_indices for frame in file.frames]
        if indices != sorted(set(indices)):
            self.differences.append("the dimension indices of the frames are not in order, each once")

    def pixels(self, file: SegReadBack) -> None:
        """Compare every pixel at the place that the file states for its frame."""
        stack, planes = _stack_of(file)
        layers = [SampledLayer(layer, stack) for layer in self.draft.survey.segmentation.layers]
        wanted_frames = self._wanted_pixels(file.frames, stack, planes, layers)
        spots = _Spots(self.draft, stack)
        for frame, plane, found, wanted in zip(file.frames, planes, file.pixels(), wanted_frames, strict=True):
            self.progress.step()
            if not np.array_equal(found, wanted):
                wrong = np.count_nonzero(found != wanted)
                self.differences.append(
                    f"{wrong} pixels of segment {frame.segment_number} at {frame.position_lps} differ"
                )
            spots.remember(frame.segment_number, plane, found)
        self.differences.extend(spots.differences())

    def fragments(self) -> None:
        """Compare the items of Pixel Data with their offset table."""
        with SegReadBack(self.path) as file:
            self._same("number of fragments", len(file.fragment_lengths()), self.draft.instance.frame_count)

    def _wanted_pixels(
        self, frames: list[FrameRecord], stack: PlaneStack, planes: list[int], layers: list[SampledLayer]
    ) -> Iterator[Labels]:
        segmentation, instance, plan = self.draft.survey.segmentation, self.draft.instance, self.draft.plan
        shape = (stack.rows, stack.columns)
        if plan.is_label_map:
            dtype = plan.stored_dtype(len(instance.segment_positions))
            label_planes = LabelPlanes(segmentation, layers, self.draft.survey.index, instance.numbers, shape, dtype)
            yield from (label_planes.plane(plane) for plane in planes)
            return
        wanted: NDArray[np.uint8] = np.zeros(shape, dtype=np.uint8)
        for frame, plane in zip(frames, planes):
            segment = segmentation.segments[instance.segment_positions[frame.segment_number - 1]]
            wanted.fill(0)
            region = layers[segment.layer_index].region(plane)
            if region is not None:
                rows, columns = region.labels.shape
                part = wanted[
                    region.first_row : region.first_row + rows, region.first_column : region.first_column + columns
                ]
                np.multiply(region.labels == segment.layer_value, plan.full_value, out=part, casting="unsafe")
            yield wanted

    def _same(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.differences.append(f"{what}: {found!r} was read, {wanted!r} was to be written")


class _Spots:
    """One pixel of each frame, to be looked up in the layers by bare arithmetic."""

    def __init__(self, draft: Draft, stack: PlaneStack) -> None:
        self._draft = draft
        self._stack = stack
        self._pixels: list[tuple[int, int, int, int]] = []

    def remember(self, segment_number: int, plane: int, found: Labels) -> None:
        """Keep the first pixel of the frame that belongs to a segment."""
        first = int((found.reshape(-1) != 0).argmax())
        row, column = divmod(first, found.shape[1])
        if value := int(found[row, column]):
            self._pixels.append((segment_number or value, plane, row, column))

    def differences(self) -> list[str]:
        """Return those pixels for which no voxel nearby holds their segment."""
        segmentation, stack = self._draft.survey.segmentation, self._stack
        wrong = []
        for number, plane, row, column in self._pixels:
            segment = segmentation.segments[self._draft.instance.segment_positions[number - 1]]
            layer = segmentation.layers[segment.layer_index]
            lps = (
                stack.positions_lps[plane]
                + row * stack.pixel_spacing_mm[0] * stack.column_direction_lps
                + column * stack.pixel_spacing_mm[1] * stack.row_direction_lps
            )
            kji = np.linalg.solve(layer.geometry.kji_to_lps, [*lps, 1.0])[:3]
            near = layer.labels_kji[
                tuple(slice(max(0, _ceil(x - _NEAREST_VOXELS)), int(x + _NEAREST_VOXELS) + 1) for x in kji)
            ]
            if not np.any(near == segment.layer_value):
                wrong.append(
                    f"'{segment.name}' is at {lps.round(2).tolist()} (LPS) in the file and not in the segmentation"
                )
        return wrong


def _ceil(number: float) -> int:
    return -int(-number // 1)


def _identity(item: Dataset) -> tuple[object, ...]:
    codes = item.SegmentedPropertyCategoryCodeSequence[0], item.SegmentedPropertyTypeCodeSequence[0]
    return (
        item.SegmentNumber,
        item.SegmentLabel,
        item.get("TrackingUID"),
        *((code.get("CodeValue"), code.get("LongCodeValue"), code.CodingSchemeDesignator) for code in codes),
    )


def _place(position: tuple[float, ...] | list[float]) -> Place:
    return tuple(round(x, _ROUNDED_DECIMALS) + 0.0 for x in position)


def _stack_of(file: SegReadBack) -> tuple[PlaneStack, list[int]]:
    """Return the planes of the file as its own attributes place them, and for each frame the index of its plane."""
    groups = file.header.SharedFunctionalGroupsSequence[0]
    orientation = np.array(groups.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float)
    spacing = groups.PixelMeasuresSequence[0].PixelSpacing
    plane_at: dict[Place, int] = {}
    positions: list[tuple[float, float, float]] = []
    for frame in file.frames:
        if plane_at.setdefault(_place(frame.position_lps), len(positions)) == len(positions):
            positions.append(frame.position_lps)
    stack = PlaneStack(
        rows=file.header.Rows,
        columns=file.header.Columns,
        row_direction_lps=orientation[:3],
        column_direction_lps=orientation[3:],
        pixel_spacing_mm=(float(spacing[0]), float(spacing[1])),
        positions_lps=np.array(positions),
    )
    return stack, [plane_at[_place(frame.position_lps)] for frame in file.frames]
