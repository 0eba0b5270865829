"""One instance, from planes to bytes in a sink: head, attributes, frame groups, pixel stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from SegRLEExportLib.dataset import build
from SegRLEExportLib.dataset.functional_groups import FrameGroups
from SegRLEExportLib.encoding import bit_packing, rle
from SegRLEExportLib.encoding.plan import EncodingPlan, FrameCoding
from SegRLEExportLib.errors import SegTooLargeError
from SegRLEExportLib.instances import Instance
from SegRLEExportLib.model.segmentation import Labels
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.pixels import LabelPlanes, Mask, masks_of
from SegRLEExportLib.preflight import Survey
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.seg_file import DeflatingSink, Sink, write_encapsulated_pixel_data, write_native_pixel_data
from SegRLEExportLib.target import pixel_bytes

LARGEST_PIXEL_DATA = 2**32 - 2
"""The greatest even length that 32 bits state (PS3.5, 7.1.2)."""


def write_instance(
    sink: Sink,
    plan: EncodingPlan,
    survey: Survey,
    instance: Instance,
    options: ExportOptions,
    identity: build.SeriesIdentity,
    sop_uid: str,
    progress: Progress,
    *,
    extended_offsets: bool = False,
) -> None:
    """Write the whole file of one instance.

    Raises `SegTooLargeError`, and `OffsetOverflowError` if `extended_offsets` are needed and were not asked for.
    """
    dataset = build.top_level(
        plan, instance, survey.segmentation, survey.source, survey.stack, options, identity, sop_uid
    )
    groups = FrameGroups(instance, survey.stack, survey.source_frames, is_label_map=plan.is_label_map)
    sink.write(build.file_head(plan, sop_uid))
    body = DeflatingSink(sink) if plan.is_deflated else sink
    body.write(build.encoded_top_level(dataset))
    for piece in groups.pieces():
        body.write(piece)
    _write_pixel_data(body, plan, survey, instance, progress, extended_offsets)
    if isinstance(body, DeflatingSink):
        body.finish()


def _write_pixel_data(
    sink: Sink, plan: EncodingPlan, survey: Survey, instance: Instance, progress: Progress, extended_offsets: bool
) -> None:
    if plan.is_encapsulated:
        encoded = (rle.encode_frame(frame) for frame in _byte_frames(plan, survey, instance, progress))
        write_encapsulated_pixel_data(sink, instance.frame_count, encoded, extended_offsets=extended_offsets)
        return
    bits = plan.bits_allocated(len(instance.segment_positions))
    length = pixel_bytes(instance.frame_count, survey.stack, bits)
    if length > LARGEST_PIXEL_DATA:
        raise SegTooLargeError(plan.id, length)
    write_native_pixel_data(
        sink, "OW" if bits == 16 else "OB", length, _native_pieces(plan, survey, instance, progress)
    )


def _native_pieces(
    plan: EncodingPlan, survey: Survey, instance: Instance, progress: Progress
) -> Iterable[bytes | memoryview]:
    if plan.frame_coding is FrameCoding.BITS:
        masks = _masks(survey, instance, progress)
        return bit_packing.pack_frames(masks, survey.stack.rows, survey.stack.columns)
    frames = _byte_frames(plan, survey, instance, progress)
    return (np.ascontiguousarray(frame).reshape(-1).view(np.uint8).data for frame in frames)


def _byte_frames(plan: EncodingPlan, survey: Survey, instance: Instance, progress: Progress) -> Iterator[Labels]:
    """Yield each frame as whole bytes: labels, or the full value where the segment is."""
    rows, columns = survey.stack.rows, survey.stack.columns
    if plan.is_label_map:
        dtype = plan.stored_dtype(len(instance.segment_positions))
        planes = LabelPlanes(survey.segmentation, survey.layers, survey.index, instance.numbers, (rows, columns), dtype)
        for plane in instance.frame_planes.tolist():
            progress.step()
            yield planes.plane(plane)
        return
    for mask in _masks(survey, instance, progress):
        yield mask.rows(0, rows).view(np.uint8) * np.uint8(plan.full_value)


def _masks(survey: Survey, instance: Instance, progress: Progress) -> Iterator[Mask]:
    positions = [instance.segment_positions[number - 1] for number in instance.frame_segment_numbers.tolist()]
    frames = zip(positions, instance.frame_planes.tolist())
    for mask in masks_of(survey.segmentation, survey.layers, survey.index, survey.stack.columns, frames):
        progress.step()
        yield mask
