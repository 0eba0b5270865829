"""The pixels of a file, a few frames at a time, in whatever transfer syntax they are stored.

Native bits, bytes and words (PS3.5, 8.1 and A.2, A.3, A.5) are read here, encoded frames by `frame_decoding`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.segmentation import Labels
from SegRLEExportLib.reading.damage import SegFileError
from SegRLEExportLib.reading.elements import UNDEFINED, Head
from SegRLEExportLib.reading.fragments import Fragments, fragments_at
from SegRLEExportLib.reading.frame_decoding import DEFLATED_IMAGE_FRAME, ENCAPSULATED_UNCOMPRESSED, FrameForm
from SegRLEExportLib.reading.stream import Stream

_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)

Bytes = NDArray[np.uint8]


def is_native(syntax: UID) -> bool:
    """Tell whether pixels of a transfer syntax are one value without items."""
    return syntax in _NATIVE


def is_known(syntax: UID) -> bool:
    """Tell whether it is known what a transfer syntax is, if not how to decode it; pydicom 3.0 lacks a new one."""
    if syntax in (*_NATIVE, RLELossless, DEFLATED_IMAGE_FRAME, ENCAPSULATED_UNCOMPRESSED):
        return True
    return not syntax.is_private and syntax.is_transfer_syntax


@dataclass(frozen=True)
class FrameBlock:
    """The part of successive frames that may hold anything but 0."""

    first_row: int
    pixels: Labels | NDArray[np.bool_]
    """(frames, rows, columns) from that row on, as stored: bits as False and True, 0 and 255, or labels."""

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, eq=False)
class PixelData(FrameForm):
    """Where pixels are, and how they are stored."""

    order: str
    """`<` or `>`"""
    frame_count: int
    head: Head
    """VR and length of Pixel Data."""
    start: Stream
    """Copies of it stand where its value begins."""
    extended_offsets: bytes

    @property
    def is_encapsulated(self) -> bool:
        """Whether each frame is an item of its own."""
        return self.head.length == UNDEFINED

    @property
    def bytes_due(self) -> int:
        """How many bytes all frames take where they are not encapsulated."""
        return (self.frame_count * self.frame_pixels * self.bits_allocated + 7) // 8

    def _refuse_length(self) -> None:
        """More bytes than due are no padding: rows, columns, bits or frames are other than is said."""
        if fault := self.fault_of_length():
            raise SegFileError(fault)

    def fault_of_length(self) -> str:
        """Return what is wrong with the length of native pixels, empty if nothing is."""
        if self.is_encapsulated or self.head.length in (self.bytes_due, self.bytes_due + 1):
            return ""
        return f"Pixel Data has {self.head.length} bytes, its frames need {self.bytes_due}"

    def blocks(self, frame_counts: Iterable[int] | None = None, *, is_strict: bool = False) -> Iterator[FrameBlock]:
        """Yield the pixels of all frames, so many at once (one, if it is not said); the counts must add up.

        Strictly: what DICOM does not allow is an error to the last byte of the file, even where it can be read.
        Raises `SegFileError`, `RLEStructureError` or one of `damage.DAMAGE`.
        """
        counts = [1] * self.frame_count if frame_counts is None else frame_counts
        if self.is_encapsulated:
            return _stacked(self._decoded(is_strict=is_strict), counts)
        self._refuse_length()
        return self._bit_blocks(counts, is_strict) if self.bits_allocated == 1 else self._byte_blocks(counts, is_strict)

    def packed_blocks(self, frame_counts: Iterable[int]) -> Iterator[Bytes]:
        """Yield frames of bits that are whole bytes, (frames, bytes), so many at once."""
        self._refuse_length()
        with self._native() as stream:
            for count in frame_counts:
                packed = stream.take(count * self.frame_pixels // 8)
                yield np.frombuffer(packed, np.uint8).reshape(count, -1)

    def fragments(self) -> Fragments:
        """Return the items of encapsulated pixels; raises `SegFileError`."""
        return fragments_at(self.start, self.frame_count, self.extended_offsets)

    def encoded_frames(self, *, is_strict: bool = False) -> Iterator[bytes]:
        """Yield the bytes of each frame of encapsulated pixels."""
        index = self.fragments()
        if is_strict:
            index.refuse_faults()
        with self.start.copy() as stream:
            stream.take(8 + index.table_length)
            for fragments in index.of_frames():
                pieces = []
                for length in fragments:
                    stream.take(8)
                    pieces.append(stream.take(length))
                yield pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _decoded(self, *, is_strict: bool) -> Iterator[Labels]:
        for encoded in self.encoded_frames(is_strict=is_strict):
            yield self.decode(encoded, is_strict=is_strict)[0]

    def fault_of_end(self) -> str:
        """Return what is wrong with the end of native pixels, which are passed over for it; empty if nothing is."""
        try:
            with self.start.copy() as stream:
                stream.skip(self.head.length)
        except SegFileError as error:
            return str(error)
        return ""

    def _native(self) -> Stream:
        is_swapped = self.order == ">" and self.head.vr == b"OW" and self.bits_allocated < 16
        if not is_swapped:
            return self.start.copy()
        return _Swapped(self.start)

    def _byte_blocks(self, counts: Iterable[int], is_strict: bool) -> Iterator[FrameBlock]:
        stored = np.dtype("u1" if self.bits_allocated == 8 else f"{self.order}u2")
        with self._native() as stream:
            for count in counts:
                pixels = np.frombuffer(stream.take(count * self.frame_pixels * stored.itemsize), stored)
                native = pixels if stored.isnative else pixels.astype(np.uint16)
                yield FrameBlock(0, native.reshape(count, self.rows, self.columns))
            if is_strict:
                self._refuse_rest(stream)

    def _bit_blocks(self, counts: Iterable[int], is_strict: bool) -> Iterator[FrameBlock]:
        """Yield frames that follow each other bit by bit, so that one may begin within the last byte of another."""
        first_bit, begun = 0, b""
        with self._native() as stream:
            for count in counts:
                bits = count * self.frame_pixels
                packed = begun + stream.take((first_bit + bits + 7) // 8 - len(begun))
                if self.frame_pixels % 8:
                    unpacked = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little").view(bool)
                    pixels = unpacked[first_bit : first_bit + bits].reshape(count, self.rows, self.columns)
                    yield FrameBlock(0, pixels)
                else:
                    yield _used_rows(np.frombuffer(packed, np.uint8).reshape(count, -1), self.columns)
                first_bit = (first_bit + bits) % 8
                begun = packed[-1:] if first_bit else b""
            if is_strict and begun and begun[0] >> first_bit:
                raise SegFileError("bits are set behind the last frame")
            if is_strict:
                self._refuse_rest(stream)

    def _refuse_rest(self, stream: Stream) -> None:
        padding = self.head.length - self.bytes_due
        if any(stream.take(padding)):
            raise SegFileError(f"the padding of Pixel Data behind its frames ({counted(padding, 'byte')}) is not 0")
        _refuse_more(stream)


class _Swapped(Stream):
    """Words of bytes that stand in the other order."""

    def __init__(self, start: Stream) -> None:
        self._words = start.copy()
        self._odd = b""

    def close(self) -> None:
        self._words.close()

    def take(self, length: int) -> bytes:
        needed = length - len(self._odd)
        words = np.frombuffer(self._words.take(needed + needed % 2), np.uint16).byteswap().tobytes()
        taken = self._odd + words
        self._odd = taken[length:]
        return taken[:length]

    def has_rest(self) -> bool:
        return self._words.has_rest()


def _refuse_more(stream: Stream) -> None:
    if stream.has_rest():
        raise SegFileError("something follows Pixel Data")


def _stacked(frames: Iterator[Labels], counts: Iterable[int]) -> Iterator[FrameBlock]:
    for count in counts:
        block = [next(frames) for _ in range(count)]
        yield FrameBlock(0, block[0][None] if count == 1 else np.stack(block))
    if next(frames, None) is not None:
        raise SegFileError("there are more frames than groups for them")


def _used_rows(packed: Bytes, columns: int) -> FrameBlock:
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
