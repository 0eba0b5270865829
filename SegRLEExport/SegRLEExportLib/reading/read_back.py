"""A SEG file read again, a few frames at a time, by other code than wrote it.

The header is parsed by pydicom, per-frame groups by `frame_records`; pixel data are walked item by item (PS3.5,
A.4). RLE is decoded by `rle_decoding`, deflated data by zlib, bits by numpy. Explicit VR Little Endian only: what
this package writes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from math import gcd
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from SegRLEExportLib.encoding.vrs import LONG_VRS
from SegRLEExportLib.model.segmentation import Labels
from SegRLEExportLib.reading.frame_records import FrameRecords, ReadBackError, read_frame_records
from SegRLEExportLib.reading.rle import decode_frame

_PER_FRAME_GROUPS = 0x52009230
_PIXEL_DATA = 0x7FE00010
_EXTENDED_OFFSET_TABLE = 0x7FE00001
_UNDEFINED = 0xFFFFFFFF
_READ_BYTES = 1 << 18
_READ_AHEAD_BELOW = 1 << 16
"""What is longer is read to its end and no farther: bytes that are left over are copied before the next are taken."""

_ITEM_HEAD = struct.Struct("<HHI")


@dataclass(frozen=True)
class FrameBlock:
    """The part of successive frames that may hold anything but 0."""

    first_row: int
    pixels: Labels | NDArray[np.bool_]
    """(frames, rows, columns) from that row on, as stored: bits as False and True, 0 and 255, or labels."""

    def __len__(self) -> int:
        return len(self.pixels)


class SegReadBack:
    """A file that was written, open for one pass over its frames."""

    def __init__(self, path: Path) -> None:
        self.file_head = _file_head(path)
        self.meta = read_file_meta_info(path)
        self._stream = _Stream(
            path, len(self.file_head), is_deflated=self.meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
        )
        try:
            self.attribute_bytes, self.frames = self._read_header()
            self.header = read_dataset(BytesIO(self.attribute_bytes), is_implicit_VR=False, is_little_endian=True)
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> SegReadBack:
        return self

    def __exit__(self, *details: object) -> None:
        self._stream.close()

    @property
    def is_rle(self) -> bool:
        """Whether frames are RLE coded."""
        return bool(self.meta.TransferSyntaxUID == RLELossless)

    def blocks(self, frame_counts: Iterable[int]) -> Iterator[FrameBlock]:
        """Yield the pixels of all frames, so many at once; the counts must add up to the number of frames.

        Raises `ReadBackError` or `RLEStructureError`; the file's structure is checked to its last byte.
        """
        if self.header.BitsAllocated == 1 and not self.is_rle:
            return self._bit_blocks(frame_counts)
        return self._whole_blocks(self._rle_frames() if self.is_rle else self._byte_frames(), frame_counts)

    def _read_header(self) -> tuple[bytes, FrameRecords]:
        """Return the attributes above the frames as they are stored, and what each frame says of itself."""
        header = bytearray()
        records = FrameRecords([], [], [])
        while True:
            head, tag, length = self._stream.element_head()
            if tag == _PER_FRAME_GROUPS:
                records = read_frame_records(self._stream.items(length))
            elif tag == _EXTENDED_OFFSET_TABLE or tag == _EXTENDED_OFFSET_TABLE + 1:
                self._stream.take(length)
            elif tag == _PIXEL_DATA:
                self._pixel_length = length
                break
            else:
                header += head + self._stream.take(length)
        return bytes(header), records

    def _whole_blocks(self, frames: Iterator[Labels], frame_counts: Iterable[int]) -> Iterator[FrameBlock]:
        for count in frame_counts:
            yield FrameBlock(0, next(frames)[None] if count == 1 else np.stack(list(islice(frames, count))))
        if next(frames, None) is not None:
            raise ReadBackError("there are more frames than groups for them")

    def _fragments(self) -> Iterator[bytes]:
        if self._pixel_length != _UNDEFINED:
            raise ReadBackError("Pixel Data is not encapsulated")
        items = self._stream.items(_UNDEFINED)
        offsets = np.frombuffer(next(items), dtype="<u4").tolist()
        if offsets and len(offsets) != len(self.frames):
            raise ReadBackError(f"{len(offsets)} offsets for {len(self.frames)} frames")
        position = 0
        for number, fragment in enumerate(items):
            if offsets and number == len(offsets):
                raise ReadBackError(f"there are more fragments than the {len(offsets)} offsets")
            if offsets and offsets[number] != position:
                raise ReadBackError(f"frame {number + 1} begins at {position}, its offset says {offsets[number]}")
            position += 8 + len(fragment)
            yield fragment
        self._stream.expect_end()

    def _rle_frames(self) -> Iterator[Labels]:
        bytes_per_pixel = max(1, self.header.BitsAllocated // 8)
        fragments = 0
        for fragment in self._fragments():
            yield decode_frame(fragment, self.header.Rows, self.header.Columns, bytes_per_pixel)
            fragments += 1
        if fragments != len(self.frames):
            raise ReadBackError(f"there are {fragments} fragments for {len(self.frames)} frames")

    def _byte_frames(self) -> Iterator[Labels]:
        dtype = np.dtype("<u2" if self.header.BitsAllocated == 16 else "u1")
        shape = (self.header.Rows, self.header.Columns)
        for _ in range(len(self.frames)):
            yield np.frombuffer(self._stream.take(shape[0] * shape[1] * dtype.itemsize), dtype).reshape(shape)
        self._expect_padding(self._pixel_length - len(self.frames) * shape[0] * shape[1] * dtype.itemsize)

    def _bit_blocks(self, frame_counts: Iterable[int]) -> Iterator[FrameBlock]:
        """Yield frames that follow each other bit by bit, so that one may begin within the last byte of another."""
        rows, columns = self.header.Rows, self.header.Columns
        first_bit, begun, taken = 0, b"", 0
        for count in frame_counts:
            bits = count * rows * columns
            needed = (first_bit + bits + 7) // 8 - len(begun)
            packed = begun + self._stream.take(needed) if begun else self._stream.take(needed)
            taken += needed
            if rows * columns % 8:
                unpacked = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little").view(bool)
                yield FrameBlock(0, unpacked[first_bit : first_bit + bits].reshape(count, rows, columns))
            else:
                yield _used_rows(np.frombuffer(packed, np.uint8).reshape(count, -1), columns)
            first_bit = (first_bit + bits) % 8
            begun = packed[-1:] if first_bit else b""
        if begun and begun[0] >> first_bit:
            raise ReadBackError("bits are set behind the last frame")
        self._expect_padding(self._pixel_length - taken)

    def _expect_padding(self, length: int) -> None:
        if length not in (0, 1) or any(self._stream.take(length)):
            raise ReadBackError(f"Pixel Data has {length} bytes beyond its frames")
        self._stream.expect_end()


class _Stream:
    """The dataset's bytes in order, inflated if need be."""

    def __init__(self, path: Path, start_of_dataset: int, *, is_deflated: bool) -> None:
        self._file: IO[bytes] = path.open("rb", buffering=0)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if is_deflated else None
        self._ready = b""
        self._at = 0
        self._file.seek(start_of_dataset)

    def close(self) -> None:
        self._file.close()

    def take(self, length: int) -> bytes:
        """Return the next bytes; raises `ReadBackError` if the file ends before."""
        if self._at + length > len(self._ready):
            self._make_ready(length)
        taken = self._ready[self._at : self._at + length]
        self._at += length
        return taken

    def _make_ready(self, length: int) -> None:
        pieces = [self._ready[self._at :]] if self._at < len(self._ready) else []
        missing = length - sum(map(len, pieces))
        while missing > 0:
            more = self._read_more(missing)
            if not more:
                raise ReadBackError("the file ends in the middle of an element")
            pieces.append(more)
            missing -= len(more)
        self._ready = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._at = 0

    def element_head(self) -> tuple[bytes, int, int]:
        """Return the bytes before the next element's value, its tag and its length."""
        head = self.take(8)
        if head[4:6] in LONG_VRS:
            head += self.take(4)
        group, element = struct.unpack_from("<HH", head)
        (length,) = struct.unpack_from("<I" if len(head) == 12 else "<H", head, 8 if len(head) == 12 else 6)
        return head, group << 16 | element, length

    def items(self, length: int) -> Iterator[bytes]:
        """Yield the content of each item of a sequence, or of encapsulated Pixel Data."""
        consumed = 0
        while length == _UNDEFINED or consumed < length:
            group, element, item_length = _ITEM_HEAD.unpack(self.take(_ITEM_HEAD.size))
            if (group, element) == (0xFFFE, 0xE0DD):
                return
            if (group, element) != (0xFFFE, 0xE000):
                raise ReadBackError(f"({group:04X},{element:04X}) stands where an item was due")
            consumed += _ITEM_HEAD.size + item_length
            yield self.take(item_length)

    def expect_end(self) -> None:
        """Raise `ReadBackError` if anything follows."""
        if len(self._ready) - self._at or self._read_more(1) or self._behind_deflated() not in (b"", b"\0"):
            raise ReadBackError("something follows Pixel Data")

    def _behind_deflated(self) -> bytes:
        """Return what follows the deflated stream: at most the byte that makes it even (PS3.5, A.5)."""
        return b"" if self._inflater is None else self._inflater.unused_data + self._file.read()

    def _read_more(self, at_least: int) -> bytes:
        if self._inflater is None:
            return self._file.read(at_least if at_least > _READ_AHEAD_BELOW else _READ_BYTES)
        while not self._inflater.eof:
            deflated = self._inflater.unconsumed_tail or self._file.read(_READ_BYTES >> 4)
            inflated = self._inflater.decompress(deflated, max(at_least, _READ_BYTES))
            if inflated or not deflated:
                return inflated
        return b""


def _file_head(path: Path) -> bytes:
    """Return preamble and File Meta Information, whose first element states its length (PS3.10, 7.1)."""
    with path.open("rb") as file:
        beginning = file.read(132 + 12)
        (group_length,) = struct.unpack_from("<I", beginning, 132 + 8)
        return beginning + file.read(group_length)


def _used_rows(packed: NDArray[np.uint8], columns: int) -> FrameBlock:
    """Return the rows, unpacked, between the first and the last in use of frames that are whole bytes, (frames, bytes).

    A row may begin within a byte; rows are unpacked from one on that does not.
    """
    frames, frame_bytes = packed.shape
    word = np.dtype(np.uint64 if frame_bytes % 8 == 0 else np.uint8)
    used = np.flatnonzero(np.bitwise_or.reduce(packed.view(word), axis=0)) * word.itemsize
    if not used.size:
        return FrameBlock(0, np.zeros((frames, 0, columns), dtype=bool))
    step = columns // gcd(columns, 8)
    start = int(used[0]) // step * step
    stop = min(frame_bytes, -(-(int(used[-1]) + word.itemsize) // step) * step)
    bits = np.unpackbits(packed[:, start:stop], axis=1, bitorder="little")
    return FrameBlock(start * 8 // columns, bits.view(bool).reshape(frames, -1, columns))
