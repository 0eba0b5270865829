"""Run-length coding of one frame (DICOM PS3.5, Annex G).

A frame becomes a 64-byte header and one segment for each byte of a pixel, the most significant byte
first. Rows are coded apart: no run crosses the end of a row (G.3.1). Nothing here knows datasets, files
or items.

Label maps are long runs, so each run is simply coded in two bytes, the control byte and the value: a
literal of one byte for a single pixel, a replicate for 2 to 128. Where single pixels are frequent (noise),
neighbours are gathered into longer literals instead, so that a frame never grows by more than the one
control byte for each 128 bytes of a row that the format itself demands.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.runs import runs_within_rows

HEADER = struct.Struct("<16I")
"""Number of segments, then the offset of each (G.5)."""

LONGEST_RUN = 128
"""The most bytes that one control byte can stand for (G.3.2)."""

_SINGLES_WORTH_GATHERING = 8
"""Gather literals if more than one run in this many is a single pixel."""

Bytes = NDArray[np.uint8]
Pixels = NDArray[np.unsignedinteger[Any]]


class RLEStructureError(ValueError):
    """The bytes are not a frame as Annex G describes it; the text says where."""


def encode_frame(pixels: Pixels) -> bytes:
    """Return the RLE form of `pixels`, (rows, columns); always an even number of bytes."""
    segments = [_padded_to_even(encode_plane(plane)) for plane in _byte_planes(pixels)]
    offsets = HEADER.size + np.cumsum([0, *(len(segment) for segment in segments)])
    header = HEADER.pack(len(segments), *offsets[:-1].tolist(), *[0] * (15 - len(segments)))
    return b"".join([header, *segments])


def encode_plane(plane: Bytes) -> bytes:
    """Return the coded rows of one byte of each pixel, (rows, columns), without padding."""
    runs = _runs_of(plane)
    singles = np.count_nonzero(runs.lengths == 1)
    grows = 2 * runs.lengths.size > plane.size
    if grows or singles * _SINGLES_WORTH_GATHERING > runs.lengths.size:
        return _encode_gathered(runs)
    return _encode_pairs(runs)


def largest_size(rows: int, columns: int, bytes_per_pixel: int) -> int:
    """Return the most bytes that `encode_frame` can make of a frame, whatever its pixels."""
    segment = rows * (columns + -(-columns // LONGEST_RUN))
    return HEADER.size + bytes_per_pixel * (segment + segment % 2)


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


@dataclass(frozen=True)
class _Runs:
    """Neighbouring equal bytes of a row, in order, none longer than `LONGEST_RUN`."""

    values: Bytes
    lengths: NDArray[np.intp]
    begins_row: NDArray[np.bool_]


def _byte_planes(pixels: Pixels) -> list[Bytes]:
    if pixels.dtype == np.uint8:
        return [pixels.view(np.uint8)]
    little_endian = np.ascontiguousarray(pixels, dtype="<u2").view(np.uint8)
    return [np.ascontiguousarray(little_endian[:, 1::2]), np.ascontiguousarray(little_endian[:, 0::2])]


def _padded_to_even(segment: bytes) -> bytes:
    return segment + b"\x00" * (len(segment) % 2)


def _runs_of(plane: Bytes) -> _Runs:
    columns = plane.shape[1]
    values, starts, lengths = runs_within_rows(plane)
    if columns <= LONGEST_RUN:
        return _Runs(values, lengths, starts % columns == 0)
    pieces = (lengths + (LONGEST_RUN - 1)) // LONGEST_RUN
    last_pieces = np.cumsum(pieces) - 1
    piece_lengths = np.full(last_pieces[-1] + 1, LONGEST_RUN)
    piece_lengths[last_pieces] = lengths - (pieces - 1) * LONGEST_RUN
    begins_row = np.zeros(piece_lengths.size, dtype=bool)
    begins_row[last_pieces - (pieces - 1)] = starts % columns == 0
    return _Runs(np.repeat(values, pieces), piece_lengths, begins_row)


def _encode_pairs(runs: _Runs) -> bytes:
    """Code each run in two bytes; a single pixel's control byte, 256 in eight bits, is that of a literal."""
    pairs = np.empty((runs.lengths.size, 2), dtype=np.uint8)
    pairs[:, 0] = (257 - runs.lengths).astype(np.uint8)
    pairs[:, 1] = runs.values
    return pairs.tobytes()


def _encode_gathered(runs: _Runs) -> bytes:
    """Code neighbouring short runs of a row as literals of up to 128 bytes, all others in pairs."""
    is_literal = _belongs_to_literal(runs)
    begins_block = ~is_literal | runs.begins_row
    begins_block[1:] |= ~is_literal[:-1]
    block_of_run = np.cumsum(begins_block) - 1
    block_is_literal = is_literal[begins_block]
    block_pixels = np.bincount(block_of_run, weights=runs.lengths).astype(np.intp)
    literals_in_block = (block_pixels + (LONGEST_RUN - 1)) // LONGEST_RUN
    block_bytes = np.where(block_is_literal, block_pixels + literals_in_block, 2)
    block_offsets = np.cumsum(block_bytes) - block_bytes
    coded = np.zeros(int(block_bytes.sum()), dtype=np.uint8)

    pair_offsets = block_offsets[~block_is_literal]
    coded[pair_offsets] = (257 - runs.lengths[~is_literal]).astype(np.uint8)
    coded[pair_offsets + 1] = runs.values[~is_literal]

    _write_literals(
        coded,
        np.repeat(runs.values[is_literal], runs.lengths[is_literal]),
        block_offsets[block_is_literal],
        block_pixels[block_is_literal],
    )
    return coded.tobytes()


def _belongs_to_literal(runs: _Runs) -> NDArray[np.bool_]:
    """Tell which runs are cheaper inside a literal: singles, and pairs with a single on either side.

    Between the two singles there must be nothing but singles and pairs of the same row.
    """
    order = np.arange(runs.lengths.size)
    is_short, is_single = runs.lengths <= 2, runs.lengths == 1
    begins_group = ~is_short | runs.begins_row
    begins_group[1:] |= ~is_short[:-1]
    group_start = np.maximum.accumulate(np.where(begins_group, order, 0))
    single_before = np.maximum.accumulate(np.where(is_single, order, -1)) >= group_start
    ends_group = np.append(begins_group[1:], True)
    last = order[-1]
    group_end = last - np.maximum.accumulate(np.where(ends_group[::-1], order, 0))[::-1]
    single_after = last - np.maximum.accumulate(np.where(is_single[::-1], order, -1))[::-1] <= group_end
    belongs: NDArray[np.bool_] = is_short & single_before & single_after
    return belongs


def _write_literals(
    coded: Bytes, literal_bytes: Bytes, block_offsets: NDArray[np.intp], block_pixels: NDArray[np.intp]
) -> None:
    """Put each block's bytes at its offset, with a control byte before every 128 of them."""
    first_byte = np.cumsum(block_pixels) - block_pixels
    position = np.arange(literal_bytes.size) - np.repeat(first_byte, block_pixels)
    literal_number = position // LONGEST_RUN
    target = np.repeat(block_offsets, block_pixels) + position + literal_number + 1
    coded[target] = literal_bytes
    begins_literal = position % LONGEST_RUN == 0
    remaining = np.repeat(block_pixels, block_pixels)[begins_literal] - position[begins_literal]
    coded[target[begins_literal] - 1] = (np.minimum(remaining, LONGEST_RUN) - 1).astype(np.uint8)


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
