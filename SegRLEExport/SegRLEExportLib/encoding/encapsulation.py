"""Encoded frames as the items of Pixel Data, with their offset table (PS3.5, A.4).

One fragment is one frame. The Basic Offset Table comes before the frames but is known only after
them, so room is left for it and it is filled in at the end. Nothing here knows pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_ITEM = struct.Struct("<HHI")
SEQUENCE_DELIMITER = _ITEM.pack(0xFFFE, 0xE0DD, 0)

BASIC_OFFSET_LIMIT = 2**32
"""A frame that begins at or after this offset cannot be told in the Basic Offset Table."""


class OffsetOverflowError(ValueError):
    """The offsets do not fit into 32 bits: an Extended Offset Table is needed (PS3.3, C.7.6.3.1.8)."""


def item(value: bytes) -> bytes:
    """Return `value` as one item (fragment or offset table); its length must be even."""
    if len(value) % 2:
        raise ValueError(f"an item of {len(value)} bytes is not even (PS3.5, A.4)")
    return item_header(len(value)) + value


def item_header(length: int) -> bytes:
    """Return the tag and length that stand before the value of an item."""
    return _ITEM.pack(0xFFFE, 0xE000, length)


@dataclass
class OffsetTable:
    """Where each frame's item begins, counted from the first byte after the table's own item."""

    fragment_lengths: list[int]
    """Length of each fragment so far, in bytes, without its item header."""

    def offsets(self) -> list[int]:
        """Return the offset of each frame."""
        offsets, next_offset = [], 0
        for length in self.fragment_lengths:
            offsets.append(next_offset)
            next_offset += _ITEM.size + length
        return offsets

    def basic(self) -> bytes:
        """Return the value of the Basic Offset Table item.

        Raises `OffsetOverflowError` if a frame begins beyond 32 bits.
        """
        offsets = self.offsets()
        if offsets and offsets[-1] >= BASIC_OFFSET_LIMIT:
            raise OffsetOverflowError
        return pack_unsigned(offsets, 4)

    def extended(self) -> tuple[bytes, bytes]:
        """Return the values of Extended Offset Table and Extended Offset Table Lengths."""
        return pack_unsigned(self.offsets(), 8), pack_unsigned(self.fragment_lengths, 8)


def pack_unsigned(numbers: Sequence[int], width: int) -> bytes:
    """Return the numbers as little-endian integers of `width` (4 or 8) bytes."""
    return struct.pack(f"<{len(numbers)}{'I' if width == 4 else 'Q'}", *numbers)
