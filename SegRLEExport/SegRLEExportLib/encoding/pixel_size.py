"""How many bytes frames take before they are compressed."""

from __future__ import annotations

from SegRLEExportLib.encoding.bit_packing import packed_size
from SegRLEExportLib.model.geometry import PlaneStack

LARGEST_PIXEL_DATA = 2**32 - 2
"""The greatest even length that 32 bits state (PS3.5, 7.1.2)."""


def pixel_bytes(frame_count: int, stack: PlaneStack, bits_allocated: int) -> int:
    """Return the bytes of so many frames, not compressed."""
    if bits_allocated == 1:
        return packed_size(frame_count, stack.rows, stack.columns)
    return frame_count * stack.rows * stack.columns * bits_allocated // 8
