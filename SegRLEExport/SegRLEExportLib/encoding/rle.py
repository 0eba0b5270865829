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

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.planes.runs import Counts, Runs

HEADER = struct.Struct("<16I")
"""Number of segments, then the offset of each (G.5)."""

LONGEST_RUN = 128
"""The most bytes that one control byte can stand for (G.3.2)."""

_SINGLES_WORTH_GATHERING = 8
"""Gather literals if more than one run in this many is a single pixel."""

Bytes = NDArray[np.uint8]


def encode_runs(runs: Runs) -> bytes:
    """Return the RLE form of a frame, given as its runs; always an even number of bytes."""
    segments = [_padded_to_even(_encode_segment(plane)) for plane in _byte_planes(runs)]
    offsets = HEADER.size + np.cumsum([0, *(len(segment) for segment in segments)])
    header = HEADER.pack(len(segments), *offsets[:-1].tolist(), *[0] * (15 - len(segments)))
    return b"".join([header, *segments])


def _byte_planes(runs: Runs) -> list[Runs]:
    """Return the runs of each byte of a pixel, the most significant first (G.2)."""
    if runs.values.dtype == np.uint8:
        return [runs]
    return [runs.with_values((runs.values >> shift).astype(np.uint8)) for shift in (8, 0)]


def _padded_to_even(segment: bytes) -> bytes:
    return segment + b"\x00" * (len(segment) % 2)


def _encode_segment(runs: Runs) -> bytes:
    """Return the coded rows of one byte of each pixel, without padding."""
    pieces = _Pieces.of(runs)
    coded_runs = int(pieces.counts.sum())
    grows = 2 * coded_runs > runs.rows * runs.columns
    singles = np.count_nonzero(pieces.last_lengths == 1)
    if grows or singles * _SINGLES_WORTH_GATHERING > coded_runs:
        return _encode_gathered(pieces.split())
    return _encode_pairs(pieces)


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Runs, each cut into as many pieces of `LONGEST_RUN` as it takes and a last one."""

    runs: Runs
    counts: Counts
    last_lengths: Counts
    """1 to `LONGEST_RUN`."""

    @classmethod
    def of(cls, runs: Runs) -> _Pieces:
        lengths = runs.lengths
        counts = (lengths + (LONGEST_RUN - 1)) // LONGEST_RUN
        return cls(runs, counts, lengths - (counts - 1) * LONGEST_RUN)

    def split(self) -> _ShortRuns:
        last_pieces = np.cumsum(self.counts) - 1
        lengths = np.full(int(last_pieces[-1]) + 1, LONGEST_RUN)
        lengths[last_pieces] = self.last_lengths
        begins_row = np.zeros(lengths.size, dtype=bool)
        begins_row[last_pieces - (self.counts - 1)] = self.runs.begins_row
        return _ShortRuns(np.repeat(self.runs.values, self.counts), lengths, begins_row)


@dataclass(frozen=True, eq=False)
class _ShortRuns:
    """Neighbouring equal bytes of a row, in order, none longer than `LONGEST_RUN`."""

    values: Bytes
    lengths: NDArray[np.intp]
    begins_row: NDArray[np.bool_]


def _encode_pairs(pieces: _Pieces) -> bytes:
    """Code each piece in two bytes; a single pixel's control byte, 256 in eight bits, is that of a literal."""
    last_pieces = np.cumsum(pieces.counts) - 1
    pairs = np.full((int(last_pieces[-1]) + 1, 2), 257 - LONGEST_RUN, dtype=np.uint8)
    pairs[last_pieces, 0] = (257 - pieces.last_lengths).astype(np.uint8)
    pairs[:, 1] = np.repeat(pieces.runs.values, pieces.counts)
    return pairs.tobytes()


def _encode_gathered(runs: _ShortRuns) -> bytes:
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


def _belongs_to_literal(runs: _ShortRuns) -> NDArray[np.bool_]:
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
