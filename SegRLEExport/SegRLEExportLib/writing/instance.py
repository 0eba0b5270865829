"""One instance, from planes to bytes in a sink: head, attributes, frame groups, pixel stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from SegRLEExportLib.dataset import build
from SegRLEExportLib.dataset.functional_groups import FrameGroups
from SegRLEExportLib.encoding import bit_packing, rle
from SegRLEExportLib.encoding.pixel_size import LARGEST_PIXEL_DATA, pixel_bytes
from SegRLEExportLib.encoding.plan import FrameCoding
from SegRLEExportLib.errors import SegTooLargeError
from SegRLEExportLib.planes.pixels import LabelRuns, Masks, masks_of
from SegRLEExportLib.planes.runs import Runs
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.writing.draft import Draft
from SegRLEExportLib.writing.seg_file import DeflatingSink, Sink, write_encapsulated_pixel_data, write_native_pixel_data


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
    yield build.encoded_top_level(build.top_level(draft.contents))
    yield from FrameGroups(
        draft.instance, found.stack, found.source_frames, is_label_map=draft.plan.is_label_map
    ).pieces()


def _write_pixel_data(sink: Sink, draft: Draft, progress: Progress, extended_offsets: bool) -> None:
    plan, instance = draft.plan, draft.instance
    if plan.is_encapsulated:
        encoded = (rle.encode_runs(runs) for runs in _frames_as_runs(draft, progress))
        write_encapsulated_pixel_data(sink, instance.frame_count, encoded, extended_offsets=extended_offsets)
        return
    length = pixel_bytes(instance.frame_count, draft.survey.stack, draft.bits_allocated)
    if length > LARGEST_PIXEL_DATA:
        raise SegTooLargeError(plan.title, length)
    vr = "OW" if draft.bits_allocated == 16 else "OB"
    write_native_pixel_data(sink, vr, length, _native_pieces(draft, progress))


def _native_pieces(draft: Draft, progress: Progress) -> Iterable[bytes | memoryview]:
    if draft.plan.frame_coding is FrameCoding.BITS:
        stack = draft.survey.stack
        return bit_packing.pack_frames(_masks(draft, progress), stack.rows, stack.columns)
    return (runs.pixels().data.cast("B") for runs in _frames_as_runs(draft, progress))


def _frames_as_runs(draft: Draft, progress: Progress) -> Iterator[Runs]:
    """Yield each frame: labels, or the full value where the segment is."""
    instance, full_value = draft.instance, draft.plan.full_value
    if draft.plan.is_label_map:
        numbers_in_frames = {0: instance.numbers}
    else:
        numbers_in_frames = {number: {position: full_value} for position, number in instance.numbers.items()}
    planes_of = {frames: _label_runs(draft, numbers) for frames, numbers in numbers_in_frames.items()}
    for segment_number, plane in zip(instance.frame_segment_numbers.tolist(), instance.frame_planes.tolist()):
        progress.step()
        yield planes_of[segment_number].plane(plane)


def _label_runs(draft: Draft, numbers: dict[int, int]) -> LabelRuns:
    found = draft.survey
    return LabelRuns(found.segmentation, found.runs, found.index, numbers, draft.stored_dtype)


def _masks(draft: Draft, progress: Progress) -> Iterator[Masks]:
    found, instance = draft.survey, draft.instance
    positions = [instance.segment_positions[number - 1] for number in instance.frame_segment_numbers.tolist()]
    frames = zip(positions, instance.frame_planes.tolist())
    most = bit_packing.frames_at_once(found.stack.rows, found.stack.columns)
    for masks in masks_of(found.segmentation, found.layers, found.index, found.stack.columns, frames, most):
        progress.step(len(masks))
        yield masks
