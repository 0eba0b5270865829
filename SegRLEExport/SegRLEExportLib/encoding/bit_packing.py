"""Eight one-bit pixels to a byte, first pixel in the lowest bit (PS3.5, 8.1.1 and annex D).

Frames follow each other without a gap: where a frame is not a whole number of bytes, the next one
begins in the middle of a byte. Nothing here knows datasets or files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.planes.pixels import Masks

BATCH_BYTES = 1 << 20
"""Frames are handed on in pieces of about this size: small enough for the processor's cache."""


def frames_at_once(rows: int, columns: int) -> int:
    """Return how many frames it is worth to look at together: a quarter of those that a piece holds."""
    return max(1, BATCH_BYTES * 8 // (rows * columns) // 4)


def pack_frames(frames: Iterable[Masks], rows: int, columns: int) -> Iterator[memoryview | bytes]:
    """Yield the bits of all frames, packed without a gap, in pieces of any length.

    `frames` come at most `frames_at_once` together. A piece is valid until the next one is asked for.
    """
    if (rows * columns) % 8 == 0:
        return _pack_whole_bytes(frames, rows, columns)
    return _pack_across_bytes(frames, rows)


def packed_size(frame_count: int, rows: int, columns: int) -> int:
    """Return the bytes that so many frames take, without the padding of the value."""
    return (frame_count * rows * columns + 7) // 8


def _pack_whole_bytes(frames: Iterable[Masks], rows: int, columns: int) -> Iterator[memoryview]:
    frame_bytes = rows * columns // 8
    batch = np.zeros((max(1, BATCH_BYTES // frame_bytes), frame_bytes), dtype=np.uint8)
    rows_to_a_byte = 8 // np.gcd(columns, 8)
    used: list[NDArray[np.uint8]] = []
    filled = 0
    for masks in frames:
        count = len(masks)
        if filled + count > len(batch):
            yield batch[:filled].data
            for part in used:
                part.fill(0)
            used.clear()
            filled = 0
        first = masks.first_row - masks.first_row % rows_to_a_byte
        stop = min(rows, -(-masks.stop_row // rows_to_a_byte) * rows_to_a_byte)
        packed = np.packbits(masks.rows(first, stop), axis=None, bitorder="little").reshape(count, -1)
        start = first * columns // 8
        part = batch[filled : filled + count, start : start + packed.shape[1]]
        part[:] = packed
        used.append(part)
        filled += count
    if filled:
        yield batch[:filled].data


def _pack_across_bytes(frames: Iterable[Masks], rows: int) -> Iterator[bytes]:
    waiting: NDArray[np.bool_] = np.zeros(0, dtype=bool)
    for masks in frames:
        bits = np.concatenate([waiting, masks.rows(0, rows).reshape(-1)])
        whole = bits.size - bits.size % 8
        waiting = bits[whole:]
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
    if waiting.size:
        yield np.packbits(waiting, bitorder="little").tobytes()
