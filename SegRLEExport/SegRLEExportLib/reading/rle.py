"""Run-length coded frames, decoded (DICOM PS3.5, Annex G): other code than codes them.

Once strictly: what Annex G does not allow is an error that says where; that is how files are proven. And once
tolerantly, for what other programs wrote. Nothing here knows datasets, files or items.
"""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.planes.runs import Pixels

Bytes = NDArray[np.uint8]

HEADER = struct.Struct("<16I")
"""Number of segments, then the offset of each (G.5)."""

_NO_OPERATION = 128
"""A control byte below it begins a literal, one above it a replicate; it itself says nothing (G.3.2)."""

_PIXELS_OF_PAIR = np.array([1] + [0] * _NO_OPERATION + [257 - control for control in range(_NO_OPERATION + 1, 256)])
"""For each control byte the pixels that it and the byte behind it stand for; 0 if it takes more bytes, or none."""


class RLEStructureError(ValueError):
    """The bytes are not a frame as Annex G describes it; the text says where."""


def decode_frame(encoded: bytes, rows: int, columns: int, bytes_per_pixel: int = 1) -> Pixels:
    """Return the pixels, (rows, columns), of one coded frame.

    Raises `RLEStructureError` on whatever Annex G does not allow.
    """
    segments = _split_segments(encoded, bytes_per_pixel)
    planes = [_decode_segment(segment, rows, columns) for segment in segments]
    if bytes_per_pixel == 1:
        return planes[0]
    most_significant, least_significant = planes
    return (most_significant.astype(np.uint16) << 8 | least_significant).astype(np.uint16)


def _split_segments(encoded: bytes, bytes_per_pixel: int) -> list[bytes]:
    if len(encoded) < HEADER.size:
        raise RLEStructureError(f"a frame of {len(encoded)} bytes has no room for the 64-byte header (G.5)")
    if len(encoded) % 2:
        raise RLEStructureError(f"the frame has an odd number of bytes, {len(encoded)} (A.4)")
    count, *offsets = HEADER.unpack_from(encoded)
    if count != bytes_per_pixel:
        raise RLEStructureError(f"{count} segments for {bytes_per_pixel} bytes of a pixel (G.2)")
    used, unused = offsets[:count], offsets[count:]
    if used[0] != HEADER.size or used != sorted(set(used)) or used[-1] >= len(encoded) or any(unused):
        raise RLEStructureError(f"the header's offsets are {offsets} in a frame of {len(encoded)} bytes (G.5)")
    if any(offset % 2 for offset in used):
        raise RLEStructureError(f"a segment begins at an odd offset: {used} (G.3)")
    bounds = [*used, len(encoded)]
    return [encoded[start:stop] for start, stop in pairwise(bounds)]


def _decode_segment(segment: bytes, rows: int, columns: int) -> Bytes:
    pairs = np.frombuffer(segment, dtype=np.uint8).reshape(-1, 2)
    lengths = _PIXELS_OF_PAIR.take(pairs[:, 0])
    decoded = _decode_pairs(pairs, lengths, columns) if lengths.all() else _decode_mixed(segment, columns)
    if decoded.size != rows * columns:
        raise RLEStructureError(f"{decoded.size} bytes were decoded where {rows} x {columns} were due (G.4)")
    return decoded.reshape(rows, columns)


def _decode_pairs(pairs: NDArray[np.uint8], lengths: NDArray[np.intp], columns: int) -> Bytes:
    _refuse_crossing(lengths, columns)
    return np.repeat(pairs[:, 1], lengths)


def _refuse_crossing(lengths: NDArray[np.intp], columns: int) -> None:
    """Raise `RLEStructureError` if a run begins in one row and ends in another."""
    ends = np.cumsum(lengths)
    if np.any((ends - 1) // columns != (ends - lengths) // columns):
        raise RLEStructureError("a run crosses the end of a row (G.3.1)")


def _decode_mixed(segment: bytes, columns: int) -> Bytes:
    """Decode literals of any length, too: one look at each control byte, then all their bytes together."""
    starts = np.array(_control_positions(segment), dtype=np.intp)
    coded = np.frombuffer(segment, dtype=np.uint8)
    controls = coded[starts].astype(np.intp)
    is_literal = controls < _NO_OPERATION
    lengths = np.where(is_literal, controls + 1, 257 - controls)
    _refuse_crossing(lengths, columns)
    decoded = np.repeat(coded[starts + 1], lengths)
    literals = lengths[is_literal]
    within_literal = np.arange(literals.sum()) - np.repeat(np.cumsum(literals) - literals, literals)
    target = np.repeat((np.cumsum(lengths) - lengths)[is_literal], literals) + within_literal
    decoded[target] = coded[np.repeat(starts[is_literal] + 1, literals) + within_literal]
    return decoded


def _control_positions(segment: bytes) -> list[int]:
    """Return where the control bytes of runs are; one that is only padding, and those that say nothing, left out."""
    positions, position, end = [], 0, len(segment)
    while position < end:
        control = segment[position]
        if control == _NO_OPERATION:
            position += 1
            continue
        if position == end - 1 and control == 0:
            break
        positions.append(position)
        position += control + 2 if control < _NO_OPERATION else 2
    if position > end:
        raise RLEStructureError(f"the run at byte {positions[-1]} reaches beyond the segment (G.3.2)")
    return positions


def decode_tolerantly(encoded: bytes, pixels: int, bytes_per_pixel: int, *, or_else: int | None = None) -> Pixels:
    """Return the pixels, flat, of a frame that breaks rules of Annex G in ways that leave no doubt.

    Runs may cross rows, segments have an odd number of bytes, unused offsets be filled. A segment must begin where the
    header says, and decode to as many bytes as there are pixels, or to `or_else`.
    """
    if len(encoded) < HEADER.size:
        raise RLEStructureError(f"a frame of {len(encoded)} bytes has no room for the 64-byte header (G.5)")
    count, *offsets = HEADER.unpack_from(encoded)
    used = offsets[:bytes_per_pixel]
    bounds = [*used, len(encoded)]
    if count != bytes_per_pixel or used[0] < HEADER.size or bounds != sorted(set(bounds)):
        raise RLEStructureError(f"{count} segments at {used} for {bytes_per_pixel} bytes of a pixel (G.2, G.5)")
    planes = [_bytes_of(encoded[start:stop], pixels) for start, stop in pairwise(bounds)]
    for plane in planes:
        if plane.size not in (pixels, or_else):
            raise RLEStructureError(f"{plane.size} bytes were decoded where {pixels} were due (G.4)")
    if bytes_per_pixel == 1:
        return planes[0]
    return (planes[0].astype(np.uint16) << 8 | planes[1]).astype(np.uint16)


def _bytes_of(segment: bytes, most: int) -> Bytes:
    """Return what a segment decodes to; no more than one run above `most`."""
    pieces, size, position = [], 0, 0
    while position < len(segment) - 1 and size < most:
        control = segment[position]
        if control < _NO_OPERATION:
            pieces.append(segment[position + 1 : position + 2 + control])
            position += control + 2
        elif control > _NO_OPERATION:
            pieces.append(segment[position + 1 : position + 2] * (257 - control))
            position += 2
        else:
            position += 1
        size += len(pieces[-1]) if control != _NO_OPERATION else 0
    return np.frombuffer(b"".join(pieces), np.uint8)
