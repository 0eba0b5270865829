"""Run-length coded frames, decoded (DICOM PS3.5, Annex G): other code than codes them.

Strict: what Annex G does not allow is an error that says where. Nothing here knows datasets, files or items.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.encoding.rle import HEADER
from SegRLEExportLib.runs import Pixels

Bytes = NDArray[np.uint8]


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
    all_runs_in_pairs = not np.any((pairs[:, 0] > 0) & (pairs[:, 0] <= 128))
    decoded = _decode_pairs(pairs, columns) if all_runs_in_pairs else _decode_mixed(segment, columns)
    if decoded.size != rows * columns:
        raise RLEStructureError(f"{decoded.size} bytes were decoded where {rows} x {columns} were due (G.4)")
    return decoded.reshape(rows, columns)


def _decode_pairs(pairs: NDArray[np.uint8], columns: int) -> Bytes:
    lengths = np.where(pairs[:, 0] == 0, 1, 257 - pairs[:, 0].astype(np.intp))
    ends = np.cumsum(lengths)
    if np.any((ends - 1) // columns != (ends - lengths) // columns):
        raise RLEStructureError("a run crosses the end of a row (G.3.1)")
    return np.repeat(pairs[:, 1], lengths)


def _decode_mixed(segment: bytes, columns: int) -> Bytes:
    decoded = bytearray()
    position, end = 0, len(segment)
    while position < end:
        control = segment[position]
        if position == end - 1 and control == 0:
            break
        if control == 128:
            position += 1
            continue
        length, taken = (control + 1, control + 1) if control < 128 else (257 - control, 1)
        if len(segment) < position + 1 + taken:
            raise RLEStructureError(f"the run at byte {position} reaches beyond the segment (G.3.2)")
        if len(decoded) // columns != (len(decoded) + length - 1) // columns:
            raise RLEStructureError("a run crosses the end of a row (G.3.1)")
        piece = segment[position + 1 : position + 1 + taken]
        decoded += piece if control < 128 else piece * length
        position += 1 + taken
    return np.frombuffer(bytes(decoded), dtype=np.uint8)
