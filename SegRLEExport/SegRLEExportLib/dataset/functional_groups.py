"""What is said of all frames, and of each (PS3.3, C.7.6.16 and C.8.20.3).

The groups of one frame differ from those of the next in a few bytes, so each plane's part is made once and
joined, instead of building thousands of datasets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
from pydicom import Dataset
from pydicom.valuerep import DSfloat

from SegRLEExportLib.dataset.decimal_string import decimal_string, decimal_strings
from SegRLEExportLib.dataset.explicit_vr import (
    code_sequence,
    element,
    element_header,
    item_header,
    sequence,
    text_element,
)
from SegRLEExportLib.encoding.instances import Instance
from SegRLEExportLib.model.geometry import PlaneStack, nearest_of
from SegRLEExportLib.model.source_series import SourceFrame

_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE = 0x52009230
_DIMENSION_INDEX_VALUES = 0x00209157
_STACK_ID = 0x00209056
_IN_STACK_POSITION_NUMBER = 0x00209057
_FRAME_CONTENT_SEQUENCE = 0x00209111
_PLANE_POSITION_SEQUENCE = 0x00209113
_IMAGE_POSITION_PATIENT = 0x00200032
_DERIVATION_IMAGE_SEQUENCE = 0x00089124
_DERIVATION_CODE_SEQUENCE = 0x00089215
_SOURCE_IMAGE_SEQUENCE = 0x00082112
_REFERENCED_SOP_CLASS_UID = 0x00081150
_REFERENCED_SOP_INSTANCE_UID = 0x00081155
_REFERENCED_FRAME_NUMBER = 0x00081160
_SPATIAL_LOCATIONS_PRESERVED = 0x0028135A
_PURPOSE_OF_REFERENCE_CODE_SEQUENCE = 0x0040A170
_SEGMENT_IDENTIFICATION_SEQUENCE = 0x0062000A
_REFERENCED_SEGMENT_NUMBER = 0x0062000B

_PURPOSE_OF_REFERENCE = text_element(_SPATIAL_LOCATIONS_PRESERVED, "CS", "YES") + code_sequence(
    _PURPOSE_OF_REFERENCE_CODE_SEQUENCE, "121322", "DCM", "Source image for image processing operation"
)
_DERIVATION = code_sequence(_DERIVATION_CODE_SEQUENCE, "113076", "DCM", "Segmentation")

_SEGMENT_NUMBER = struct.Struct("<H")
_FRAMES_A_PIECE = 256

_PARALLEL_TOLERANCE = 1e-6
"""Planes whose normals differ by a cosine this close to 1 (0.08 degrees) count as parallel."""


def shared_groups(stack: PlaneStack, slice_thickness_mm: float) -> Dataset:
    """Return the item of Shared Functional Groups Sequence (5200,9229): spacing, thickness and orientation.

    It is empty for images without a place: size and place are those of the image that each frame names (A.51.5).
    Spacing Between Slices is left out where no even steps lead to the planes.
    """
    if not stack.has_place:
        return Dataset()
    measures = Dataset()
    spacing = stack.spacing_between_planes_mm
    measures.SliceThickness = DSfloat(decimal_string(slice_thickness_mm))
    if spacing is not None:
        measures.SpacingBetweenSlices = DSfloat(decimal_string(spacing))
    measures.PixelSpacing = [DSfloat(decimal_string(distance)) for distance in stack.pixel_spacing_mm]
    orientation = Dataset()
    orientation.ImageOrientationPatient = [
        DSfloat(decimal_string(cosine)) for cosine in (*stack.row_direction_lps, *stack.column_direction_lps)
    ]
    groups = Dataset()
    groups.PixelMeasuresSequence = [measures]
    groups.PlaneOrientationSequence = [orientation]
    return groups


class FrameGroups:
    """Per-Frame Functional Groups Sequence (5200,9230) of an instance, as bytes.

    Dimension indices are the segment number, not in a label map, and the rank of the plane among those
    with a frame, so that sorting by them shows segments and planes in order. Frames on images without a place have no
    Plane Position, but their number in a stack of the images (C.7.6.16.2.2).
    """

    def __init__(
        self,
        instance: Instance,
        stack: PlaneStack,
        source_frames: Sequence[SourceFrame | None],
        *,
        is_label_map: bool,
    ) -> None:
        planes = sorted(set(instance.frame_planes.tolist()))
        self._frames = list(zip(instance.frame_segment_numbers.tolist(), instance.frame_planes.tolist()))
        self._is_label_map = is_label_map
        self._index_values, self._segment_head = _templates(is_label_map)
        self._index_heads = {plane: _index_head(self._index_values.size, stack, plane) for plane in planes}
        self._rank_of = {plane: rank for rank, plane in enumerate(planes, start=1)}
        self._derivations = {plane: _derivation(source_frames[plane]) for plane in planes}
        self._positions = {plane: _plane_position(stack, plane) if stack.has_place else b"" for plane in planes}
        same_in_all = self._index_values.size
        if not is_label_map:
            same_in_all += len(self._segment_head) + _SEGMENT_NUMBER.size
        self._content_length = {
            plane: len(self._derivations[plane])
            + len(self._index_heads[plane])
            + len(self._positions[plane])
            + same_in_all
            for plane in planes
        }

    def pieces(self) -> Iterator[bytes]:
        """Yield the sequence piece by piece, its length stated so that readers can skip it."""
        item_head_length = len(item_header(0))
        length = sum(self._content_length[plane] + item_head_length for _, plane in self._frames)
        yield element_header(_PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, "SQ", length)
        for start in range(0, len(self._frames), _FRAMES_A_PIECE):
            yield b"".join(self._item(*frame) for frame in self._frames[start : start + _FRAMES_A_PIECE])

    def _item(self, segment_number: int, plane: int) -> bytes:
        rank = self._rank_of[plane]
        head = item_header(self._content_length[plane]) + self._derivations[plane] + self._index_heads[plane]
        if self._is_label_map:
            return head + self._index_values.pack(rank) + self._positions[plane]
        return (
            head
            + self._index_values.pack(segment_number, rank)
            + self._positions[plane]
            + self._segment_head
            + _SEGMENT_NUMBER.pack(segment_number)
        )


def _templates(is_label_map: bool) -> tuple[struct.Struct, bytes]:
    """Return the layout of the dimension indices, and the bytes before a segment number."""
    index_values = struct.Struct("<I" if is_label_map else "<2I")
    segment = sequence(_SEGMENT_IDENTIFICATION_SEQUENCE, element(_REFERENCED_SEGMENT_NUMBER, "US", bytes(2)))
    return index_values, segment[:-2]


def _index_head(index_bytes: int, stack: PlaneStack, plane: int) -> bytes:
    """Return the bytes before the dimension indices, which end Frame Content Sequence (0020,9111)."""
    in_stack = b""
    if not stack.has_place:
        number = element(_IN_STACK_POSITION_NUMBER, "UL", struct.pack("<I", plane + 1))
        in_stack = text_element(_STACK_ID, "SH", "1") + number
    indices = element(_DIMENSION_INDEX_VALUES, "UL", bytes(index_bytes))
    return sequence(_FRAME_CONTENT_SEQUENCE, in_stack + indices)[:-index_bytes]


def _plane_position(stack: PlaneStack, plane: int) -> bytes:
    position = decimal_strings(stack.positions_lps[plane])
    return sequence(_PLANE_POSITION_SEQUENCE, text_element(_IMAGE_POSITION_PATIENT, "DS", position))


def _derivation(source: SourceFrame | None) -> bytes:
    """Return Derivation Image Sequence: the source frame at that very place, or none."""
    if source is None:
        return sequence(_DERIVATION_IMAGE_SEQUENCE)
    reference = reference_item(source)
    if source.frame_number is not None:
        reference += text_element(_REFERENCED_FRAME_NUMBER, "IS", str(source.frame_number))
    return sequence(
        _DERIVATION_IMAGE_SEQUENCE, sequence(_SOURCE_IMAGE_SEQUENCE, reference + _PURPOSE_OF_REFERENCE) + _DERIVATION
    )


def reference_item(source: SourceFrame) -> bytes:
    """Return class and instance of a source image, as the beginning of an item that refers to it."""
    return text_element(_REFERENCED_SOP_CLASS_UID, "UI", source.sop_class_uid) + text_element(
        _REFERENCED_SOP_INSTANCE_UID, "UI", source.sop_instance_uid
    )


def matching_frames(
    stack: PlaneStack, source_stack: PlaneStack, source_frames: Sequence[SourceFrame], tolerance_mm: float
) -> list[SourceFrame | None]:
    """Return for each plane the source frame that lies in it, None where there is no such frame."""
    if abs(abs(stack.normal_lps @ source_stack.normal_lps) - 1.0) > _PARALLEL_TOLERANCE:
        return [None] * len(stack)
    source_heights = source_stack.positions_lps @ stack.normal_lps
    order = np.argsort(source_heights, kind="stable")
    heights = stack.positions_lps @ stack.normal_lps
    nearest = order[nearest_of(source_heights[order], heights)]
    lies_there = np.abs(source_heights[nearest] - heights) <= tolerance_mm
    return [source_frames[n] if lies else None for n, lies in zip(nearest.tolist(), lies_there.tolist())]
