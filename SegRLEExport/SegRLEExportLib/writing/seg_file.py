"""Where the bytes of a file go, and Pixel Data as a stream: nothing but the offset table outlives its frame.

Nothing here knows segments.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import IO, Protocol

from SegRLEExportLib.dataset.explicit_vr import UNDEFINED_LENGTH, element, element_header
from SegRLEExportLib.encoding import encapsulation
from SegRLEExportLib.encoding.encapsulation import OffsetTable

_PIXEL_DATA = 0x7FE00010
_EXTENDED_OFFSET_TABLE = 0x7FE00001
_EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE00002

DEFLATE_LEVEL = 6
"""zlib's own default: beyond it a file shrinks by a percent and takes twice as long."""


class Sink(Protocol):
    """Where the bytes of a file go."""

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`."""

    def position(self) -> int:
        """Return how many bytes were written."""

    def patch(self, position: int, data: bytes) -> None:
        """Replace what was written at `position`."""


class CountingSink:
    """Takes everything and keeps only the count: for the forecast."""

    def __init__(self) -> None:
        self._count = 0

    def write(self, data: bytes | memoryview) -> None:
        self._count += len(data) if isinstance(data, bytes) else data.nbytes

    def position(self) -> int:
        return self._count

    def patch(self, position: int, data: bytes) -> None:
        pass


class FileSink:
    """A new file on disk."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)

    def position(self) -> int:
        return self._file.tell()

    def patch(self, position: int, data: bytes) -> None:
        end = self._file.tell()
        self._file.seek(position)
        self._file.write(data)
        self._file.seek(end)


class DeflatingSink:
    """Deflates what passes through it (PS3.5, A.5: RFC 1951, no zlib header, padded to even)."""

    def __init__(self, target: Sink) -> None:
        self._target = target
        self._start = target.position()
        self._deflater = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)

    def write(self, data: bytes | memoryview) -> None:
        deflated = self._deflater.compress(data)
        if deflated:
            self._target.write(deflated)

    def position(self) -> int:
        raise NotImplementedError("positions are unknown in a deflated stream")

    def patch(self, position: int, data: bytes) -> None:
        raise NotImplementedError("a deflated stream cannot be changed")

    def finish(self) -> None:
        """Write what is left."""
        self._target.write(self._deflater.flush())
        if (self._target.position() - self._start) % 2:
            self._target.write(b"\0")


def write_native_pixel_data(sink: Sink, vr: str, length: int, pieces: Iterable[bytes | memoryview]) -> None:
    """Write Pixel Data of that many bytes, padded to even (PS3.5, 8.1.1 and A.2)."""
    sink.write(element_header(_PIXEL_DATA, vr, length + length % 2))
    for piece in pieces:
        sink.write(piece)
    if length % 2:
        sink.write(b"\0")


def native_pixel_data_size(length: int) -> int:
    """Return the bytes that `write_native_pixel_data` writes for a value of that length."""
    return len(element_header(_PIXEL_DATA, "OB", 0)) + length + length % 2


def write_encapsulated_pixel_data(
    sink: Sink, frame_count: int, encoded_frames: Iterable[bytes], *, extended_offsets: bool
) -> None:
    """Write Pixel Data with one fragment a frame and its offset table filled (PS3.5, A.4).

    Raises `OffsetOverflowError` if the Basic Offset Table was asked for and its 32 bits do not suffice.
    """
    table = OffsetTable([])
    if extended_offsets:
        start_of_table = sink.position()
        sink.write(_extended_offset_elements(bytes(8 * frame_count), bytes(8 * frame_count)))
    sink.write(element_header(_PIXEL_DATA, "OB", UNDEFINED_LENGTH))
    if not extended_offsets:
        start_of_table = sink.position()
    sink.write(encapsulation.item(b"" if extended_offsets else bytes(4 * frame_count)))
    for encoded in encoded_frames:
        sink.write(encapsulation.item_header(len(encoded)))
        sink.write(encoded)
        table.fragment_lengths.append(len(encoded))
    sink.write(encapsulation.SEQUENCE_DELIMITER)
    if extended_offsets:
        sink.patch(start_of_table, _extended_offset_elements(*table.extended()))
    else:
        sink.patch(start_of_table, encapsulation.item(table.basic()))


def _extended_offset_elements(offsets: bytes, lengths: bytes) -> bytes:
    return element(_EXTENDED_OFFSET_TABLE, "OV", offsets) + element(_EXTENDED_OFFSET_TABLE_LENGTHS, "OV", lengths)
