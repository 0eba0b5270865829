"""One instance, from planes to bytes in a sink: head, attributes, frame groups, pixel stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from SegRLEExportLib.dataset import build
from SegRLEExportLib.dataset.functional_groups import FrameGroups
from SegRLEExportLib.draft import Draft
from SegRLEExportLib.encoding import bit_packing, rle
from SegRLEExportLib.encoding.plan import FrameCoding
from SegRLEExportLib.errors import SegTooLargeError
from SegRLEExportLib.model.segmentation import Labels
from SegRLEExportLib.pixel_size import LARGEST_PIXEL_DATA, pixel_bytes
from SegRLEExportLib.pixels import LabelPlanes, Mask, masks_of
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.seg_file import DeflatingSink, Sink, write_encapsulated_pixel_data, write_native_pixel_data


def write_instance(sink: Sink, draft: Draft, progress: Progress, *, extended_offsets: bool = False) -> None:
    """Write the whole file of one instance.

    Raises `SegTooLargeError`, and `OffsetOverflowError` if `extended_offsets` are needed and were not asked for.
    """
    sink.write(build.file_head(draft.plan, draft.sop_uid))
    body = DeflatingSink(sink) if draft.plan.is_deflated else sink
    for piece in attribute_pieces(draft):
        body.write(piece)
    _write_pixel_data(body, draft, progress, extended_offsets)
    if isinstance(body, DeflatingSink):
        body.finish()


def attribute_pieces(draft: Draft) -> Iterator[bytes]:
    """Yield the dataset up to Pixel Data."""
    found = draft.survey
    yield build.encoded_top_level(build.top_level(draft))
    yield from FrameGroups(
        draft.instance, found.stack, found.source_frames, is_label_map=draft.plan.is_label_map
    ).pieces()


def _write_pixel_data(sink: Sink, draft: Draft, progress: Progress, extended_offsets: bool) -> None:
    plan, instance = draft.plan, draft.instance
    if plan.is_encapsulated:
        encoded = (rle.encode_frame(frame) for frame in _byte_frames(draft, progress))
        write_encapsulated_pixel_data(sink, instance.frame_count, encoded, extended_offsets=extended_offsets)
        return
    length = pixel_bytes(instance.frame_count, draft.survey.stack, draft.bits_allocated)
    if length > LARGEST_PIXEL_DATA:
        raise SegTooLargeError(plan.id, length)
    vr = "OW" if draft.bits_allocated == 16 else "OB"
    write_native_pixel_data(sink, vr, length, _native_pieces(draft, progress))


def _native_pieces(draft: Draft, progress: Progress) -> Iterable[bytes | memoryview]:
    if draft.plan.frame_coding is FrameCoding.BITS:
        stack = draft.survey.stack
        return bit_packing.pack_frames(_masks(draft, progress), stack.rows, stack.columns)
    frames = _byte_frames(draft, progress)
    return (np.ascontiguousarray(frame).reshape(-1).view(np.uint8).data for frame in frames)


def _byte_frames(draft: Draft, progress: Progress) -> Iterator[Labels]:
    """Yield each frame as whole bytes: labels, or the full value where the segment is."""
    found, instance, plan = draft.survey, draft.instance, draft.plan
    rows, columns = found.stack.rows, found.stack.columns
    if plan.is_label_map:
        dtype = plan.stored_dtype(len(instance.segment_positions))
        planes = LabelPlanes(found.segmentation, found.layers, found.index, instance.numbers, (rows, columns), dtype)
        for plane in instance.frame_planes.tolist():
            progress.step()
            yield planes.plane(plane)
        return
    for mask in _masks(draft, progress):
        yield mask.rows(0, rows).view(np.uint8) * np.uint8(plan.full_value)


def _masks(draft: Draft, progress: Progress) -> Iterator[Mask]:
    found, instance = draft.survey, draft.instance
    positions = [instance.segment_positions[number - 1] for number in instance.frame_segment_numbers.tolist()]
    frames = zip(positions, instance.frame_planes.tolist())
    for mask in masks_of(found.segmentation, found.layers, found.index, found.stack.columns, frames):
        progress.step()
        yield mask
