"""The pixels of a file, a few frames at a time, in whatever transfer syntax they are stored.

Native bits, bytes and words (PS3.5, 8.1 and A.2, A.3, A.5), RLE (Annex G), Encapsulated Uncompressed and Deflated
Image Frame (A.4.11 and A.4.13) are read here; JPEG-LS and JPEG 2000 by what pydicom finds installed. One-bit RLE
exists in two dialects that are told apart by their decoded length: one byte a pixel (G.2) and packed bits
(cornerstone3D, OHIF). pydicom is never asked for RLE: it takes python-gdcm first, and that aborts on odd frames.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from SegRLEExportLib.model.segmentation import Labels
from SegRLEExportLib.reading.damage import SegFileError
from SegRLEExportLib.reading.elements import ITEM, ITEM_HEAD, SEQUENCE_END, UNDEFINED, Head, tag_text
from SegRLEExportLib.reading.rle import RLEStructureError, decode_frame, decode_tolerantly
from SegRLEExportLib.reading.stream import Stream

DEFLATED_IMAGE_FRAME = UID("1.2.840.10008.1.2.8.1")
ENCAPSULATED_UNCOMPRESSED = UID("1.2.840.10008.1.2.1.98")

_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


class BitLayout(Enum):
    """How an encoded frame of 1-bit pixels has them: RLE is due with a byte each (PS3.5, G.2), all else packed."""

    BYTE_A_PIXEL = "one byte a pixel"
    PACKED = "packed bits"


Decoded = tuple[Labels, "BitLayout | None"]
"""The pixels, (rows, columns), and how they lay where they have one bit each."""

_JPEG_LS = (JPEGLSLossless, JPEGLSNearLossless)
_END_OF_IMAGE = b"\xff\xd9"
"""CharLS searches seconds for a missing one."""

_MOST_FRAGMENTS = 4096
"""Of one frame."""

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
class PixelData:
    """Where pixels are, and how they are stored."""

    transfer_syntax: UID
    order: str
    """`<` or `>`"""
    rows: int
    columns: int
    bits_allocated: int
    """1, 8 or 16."""
    bits_stored: int
    photometric_interpretation: str
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
    def frame_pixels(self) -> int:
        """Pixels of a frame."""
        return self.rows * self.columns

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

    def encoded_frames(self, *, is_strict: bool = False) -> Iterator[bytes]:
        """Yield the bytes of each frame of encapsulated pixels."""
        index = fragments_of(self)
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

    def decode(self, encoded: bytes, *, is_strict: bool = False) -> Decoded:
        """Return what an encoded frame holds; RLE as PS3.5, Annex G, has it or, unless `is_strict`, nearly so."""
        if self.transfer_syntax == RLELossless:
            return _decoded_rle(self, encoded, is_strict=is_strict)
        if self.transfer_syntax == DEFLATED_IMAGE_FRAME:
            return _uncoded(self, _inflated(encoded, self.frame_pixels * max(1, self.bits_allocated // 8)))
        if self.transfer_syntax == ENCAPSULATED_UNCOMPRESSED:
            return _uncoded(self, encoded)
        return _decoded_by_pydicom(self, encoded), None

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
            raise SegFileError(f"Pixel Data has {padding} bytes beyond its frames")
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


@dataclass(frozen=True)
class Fragments:
    """The items of encapsulated Pixel Data."""

    table_length: int
    """Bytes of the first item, the Basic Offset Table."""
    offsets: tuple[int, ...]
    """Where frames begin, as a table says; empty if there is none."""
    lengths: tuple[int, ...]
    frame_count: int
    has_more: bool
    """Whether bytes follow behind."""

    def of_frames(self) -> list[tuple[int, ...]]:
        """Return for each frame the lengths of its fragments; raises `SegFileError` where that is not known."""
        if len(self.lengths) == self.frame_count:
            return [(length,) for length in self.lengths]
        if self.frame_count == 1:
            return [self.lengths]
        number_at = {start: number for number, start in enumerate(self._starts())}
        firsts = [number_at.get(offset, -1) for offset in self.offsets]
        if len(firsts) != self.frame_count or firsts[0] != 0 or firsts != sorted(set(firsts)):
            raise SegFileError(f"there are {len(self.lengths)} fragments for {self.frame_count} frames")
        return [self.lengths[first:last] for first, last in pairwise([*firsts, len(self.lengths)])]

    def faults(self) -> list[str]:
        """Return what DICOM does not allow, though it may be read."""
        if not self.offsets:
            return []
        if len(self.offsets) != self.frame_count:
            return [f"{len(self.offsets)} offsets for {self.frame_count} frames"]
        starts = self._starts()
        if len(self.lengths) != self.frame_count:
            return []
        wrong = [n for n, pair in enumerate(zip(self.offsets, starts)) if pair[0] != pair[1]]
        return [f"frame {n + 1} begins at {starts[n]}, its offset says {self.offsets[n]}" for n in wrong]

    def refuse_faults(self) -> None:
        """Raise `SegFileError` with the first fault."""
        if len(self.lengths) != self.frame_count:
            raise SegFileError(f"there are {len(self.lengths)} fragments for {self.frame_count} frames")
        for fault in self.faults():
            raise SegFileError(fault)
        if self.has_more:
            raise SegFileError("something follows Pixel Data")

    def _starts(self) -> list[int]:
        starts, position = [], 0
        for length in self.lengths:
            starts.append(position)
            position += 8 + length
        return starts


def fragments_of(pixels: PixelData) -> Fragments:
    """Return how long each fragment is, without reading them; raises `SegFileError`."""
    most = pixels.frame_count * _MOST_FRAGMENTS if pixels.frame_count < 100 else 4 * pixels.frame_count
    with pixels.start.copy() as stream:
        table = stream.take(_item_length(stream))
        lengths: list[int] = []
        while (length := _item_length(stream)) >= 0:
            if len(lengths) >= most:
                raise SegFileError(f"there are more than {most} fragments for {pixels.frame_count} frames")
            lengths.append(length)
            stream.skip(length)
        has_more = not stream.is_at_end()
    stated, kind = (pixels.extended_offsets, "<u8") if pixels.extended_offsets else (table, "<u4")
    offsets = np.frombuffer(stated[: len(stated) // int(kind[2]) * int(kind[2])], kind).tolist()
    return Fragments(len(table), tuple(offsets), tuple(lengths), pixels.frame_count, has_more)


def _item_length(stream: Stream) -> int:
    """Return the length of the next item, -1 at the end of all."""
    group, element, length = ITEM_HEAD["<"].unpack(stream.take(8))
    tag = group << 16 | element
    if tag == SEQUENCE_END:
        return -1
    if tag != ITEM or length == UNDEFINED:
        raise SegFileError(f"{tag_text(tag)} stands where an item was due")
    return int(length)


def _decoded_rle(pixels: PixelData, encoded: bytes, *, is_strict: bool) -> Decoded:
    rows, columns, bits = pixels.rows, pixels.columns, pixels.bits_allocated
    try:
        strictly = decode_frame(encoded, rows, columns, max(1, bits // 8))
    except RLEStructureError:
        if is_strict:
            raise
        if bits > 1:
            return decode_tolerantly(encoded, rows * columns, bits // 8).reshape(rows, columns), None
        packed_bytes = (pixels.frame_pixels + 7) // 8
        decoded = decode_tolerantly(encoded, pixels.frame_pixels, 1, or_else=packed_bytes)
        if decoded.size == pixels.frame_pixels:
            return decoded.reshape(rows, columns), BitLayout.BYTE_A_PIXEL
        return _unpacked(decoded.astype(np.uint8), pixels), BitLayout.PACKED
    return strictly, BitLayout.BYTE_A_PIXEL if bits == 1 else None


def _uncoded(pixels: PixelData, content: bytes) -> Decoded:
    """Return the frame that begins these bytes; of bits it may have one byte a pixel, against the standard."""
    if pixels.bits_allocated > 1:
        dtype = np.dtype("u1" if pixels.bits_allocated == 8 else "<u2")
        due = pixels.frame_pixels * dtype.itemsize
        _refuse_length(content, due)
        whole: Labels = np.frombuffer(content[:due], dtype).reshape(pixels.rows, pixels.columns)
        return whole, None
    packed = (pixels.frame_pixels + 7) // 8
    if len(content) in (pixels.frame_pixels, pixels.frame_pixels + 1) and len(content) > packed + 1:
        of_bytes = np.frombuffer(content[: pixels.frame_pixels], np.uint8)
        return of_bytes.reshape(pixels.rows, pixels.columns), BitLayout.BYTE_A_PIXEL
    _refuse_length(content, packed)
    return _unpacked(np.frombuffer(content[:packed], np.uint8), pixels), BitLayout.PACKED


def _refuse_length(content: bytes, due: int) -> None:
    if len(content) not in (due, due + 1):
        raise SegFileError(f"a frame has {len(content)} bytes where {due} were due")


def _unpacked(packed: Bytes, pixels: PixelData) -> Labels:
    bits = np.unpackbits(packed.reshape(-1), bitorder="little")
    return bits[: pixels.frame_pixels].reshape(pixels.rows, pixels.columns)


def _inflated(encoded: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(encoded, most + 2)
    if not inflater.eof:
        raise SegFileError("the deflated bytes of a frame do not end where they should")
    return inflated


def _decoded_by_pydicom(pixels: PixelData, encoded: bytes) -> Labels:
    """Return what one of pydicom's decoders makes of a frame."""
    decoder = get_decoder(pixels.transfer_syntax)
    if not decoder.is_available:
        needed = "; ".join(decoder.missing_dependencies)
        raise SegFileError(f"nothing that is installed decodes {pixels.transfer_syntax.name} ({needed})")
    if pixels.transfer_syntax in _JPEG_LS and not encoded.rstrip(b"\0").endswith(_END_OF_IMAGE):
        raise SegFileError("a JPEG-LS frame has no end marker")
    options: dict[str, Any] = {
        "rows": pixels.rows,
        "columns": pixels.columns,
        "samples_per_pixel": 1,
        "number_of_frames": 1,
        "photometric_interpretation": pixels.photometric_interpretation,
        "bits_allocated": pixels.bits_allocated,
        "bits_stored": pixels.bits_stored,
        "pixel_representation": 0,
        "pixel_keyword": "PixelData",
    }
    frame, _ = decoder.as_array(encapsulate([encoded]), index=0, raw=True, **options)
    if frame.shape != (pixels.rows, pixels.columns):
        raise SegFileError(f"a frame of {frame.shape} pixels where {(pixels.rows, pixels.columns)} were due")
    decoded: Labels = frame.astype(np.uint16 if pixels.bits_allocated == 16 else np.uint8, copy=False)
    return decoded
