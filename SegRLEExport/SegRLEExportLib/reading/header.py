"""The attributes of a file, with what each frame says of itself, up to where its pixels begin: they are not read.

The file may be in any transfer syntax, with or without preamble and File Meta Information (PS3.10, 7.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from SegRLEExportLib.reading.damage import CutShortError, NoSegError, SegFileError
from SegRLEExportLib.reading.elements import (
    EXPLICIT,
    IMPLICIT,
    ITEM,
    ITEM_HEAD,
    SEQUENCE_END,
    UNDEFINED,
    Coding,
    Elements,
    Head,
    head_at,
    tag_text,
    take_head,
    take_undefined,
)
from SegRLEExportLib.reading.frames import FrameRecords, read_frame_records
from SegRLEExportLib.reading.stream import Stream

MOST_FRAMES = 500_000
"""More are refused: what each says of itself is held in memory."""

_LARGEST_HEADER = 64 << 20
_LARGEST_FRAME_ITEM = 1 << 20
_MOST_ATTRIBUTES = 20_000

_PREAMBLE = 128
_MOST_META = 1 << 20
_TRANSFER_SYNTAX = 0x00020010
_NUMBER_OF_FRAMES = 0x00280008
_SEGMENTATION_TYPE = 0x00620001
_SHARED_GROUPS = 0x52009229
_PER_FRAME_GROUPS = 0x52009230
_EXTENDED_OFFSETS = 0x7FE00001
_EXTENDED_LENGTHS = 0x7FE00002
_FLOAT_PIXELS = (0x7FE00008, 0x7FE00009)
_PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True, eq=False)
class SegHeader:
    """A file up to its pixels."""

    file_head: bytes
    """Preamble and File Meta Information as they are stored; empty where there are none."""
    transfer_syntax: UID
    coding: Coding
    attribute_bytes: bytes
    """All attributes but those of each frame, as they are stored."""
    elements: Elements
    """The same, to be looked at."""
    frames: FrameRecords | None
    """None where no frame says anything of itself."""
    extended_offsets: bytes
    """Extended Offset Table (7FE0,0001), empty if there is none."""
    pixel_data: Head | None
    """VR and length of Pixel Data, if there is any."""
    pixels_at: Stream
    """Closed; copies of it stand where the value of Pixel Data begins."""

    def dataset(self) -> Dataset:
        """Return the attributes as a dataset of pydicom's, without those of each frame."""
        return read_dataset(
            BytesIO(self.attribute_bytes),
            is_implicit_VR=self.coding.is_implicit,
            is_little_endian=self.coding.order == "<",
        )

    def meta(self) -> Dataset:
        """Return File Meta Information; empty where there is none."""
        start = _PREAMBLE + 4 if self.file_head[_PREAMBLE:].startswith(b"DICM") else 0
        return read_dataset(BytesIO(self.file_head[start:]), is_implicit_VR=False, is_little_endian=True)


def read_header(path: Path, last_tag: int = _PIXEL_DATA, *, reads_frames: bool = True) -> SegHeader:
    """Return what stands before the pixels, or no farther than `last_tag`; `reads_frames` as `SegFile` has it.

    Raises `SegFileError` or one of `damage.DAMAGE`.
    """
    file_head, syntax = _file_head(path)
    coding = _coding(syntax)
    is_deflated = syntax == DeflatedExplicitVRLittleEndian
    with Stream(path, len(file_head), is_deflated=is_deflated) as stream:
        return _Walk(stream, coding, last_tag, reads_frames=reads_frames).header(file_head, UID(syntax, IGNORE))


def is_dicom(path: Path) -> bool:
    """Tell whether a file begins as DICOM files do, with a preamble or without; names are not asked."""
    try:
        _file_head(path)
    except (SegFileError, struct.error):
        return False
    return True


def _file_head(path: Path) -> tuple[bytes, str]:
    """Return the bytes before the dataset, and the transfer syntax, guessed where none is stated."""
    with Stream(path, 0) as stream:
        beginning = stream.take(min(_PREAMBLE + 4, stream.most))
        has_preamble = beginning[_PREAMBLE:] == b"DICM"
        content = beginning if has_preamble else b""
        if not has_preamble:
            stream.close()
            stream = Stream(path, 0)
        syntax = ""
        with stream:
            while len(content) < _MOST_META:
                start = stream.take(min(8, stream.most))
                if start[:2] != b"\x02\x00":
                    break
                if start[4:6] in (b"OB", b"UN", b"SQ", b"UT"):
                    start += stream.take(4)
                head = head_at(start, 0, EXPLICIT)
                value = stream.take(min(head.length, _MOST_META))
                content += start + value
                if head.tag == _TRANSFER_SYNTAX:
                    syntax = value.decode("ascii", "replace").strip(" \0")
        return content, syntax or _guessed(start, is_stated=has_preamble)


def _guessed(start: bytes, *, is_stated: bool) -> str:
    """Return the transfer syntax that a dataset begins like, in the ways datasets were stored without meta."""
    vr = start[4:6]
    is_explicit = vr.isalpha() and vr.isupper()
    if len(start) < 8 or (not is_stated and start[:2] not in (b"\x08\x00", b"\x00\x08")):
        raise NoSegError("it is no DICOM file")
    if start[:2] == b"\x00\x08":
        return str(ExplicitVRBigEndian)
    return str(ExplicitVRLittleEndian if is_explicit else ImplicitVRLittleEndian)


def _coding(syntax: str) -> Coding:
    if syntax == ImplicitVRLittleEndian:
        return IMPLICIT
    return Coding(False, ">") if syntax == ExplicitVRBigEndian else EXPLICIT


class _Walk:
    """The elements of a dataset, from its first on to one that is the last of interest."""

    def __init__(self, stream: Stream, coding: Coding, last_tag: int, *, reads_frames: bool) -> None:
        self._stream = stream
        self._coding = coding
        self._last_tag = last_tag
        self._reads_frames = reads_frames
        self._content = bytearray()
        self._frames: FrameRecords | None = None
        self._extended_offsets = b""

    def header(self, file_head: bytes, syntax: UID) -> SegHeader:
        """Return everything up to the pixels."""
        pixel_data = self._to_pixels()
        content = bytes(self._content)
        return SegHeader(
            file_head=file_head,
            transfer_syntax=syntax,
            coding=self._coding,
            attribute_bytes=content,
            elements=Elements(content, 0, len(content), self._coding),
            frames=self._frames,
            extended_offsets=self._extended_offsets,
            pixel_data=pixel_data,
            pixels_at=self._stream,
        )

    def _to_pixels(self) -> Head | None:
        for _ in range(_MOST_ATTRIBUTES):
            if self._stream.is_at_end():
                return None
            head, start = take_head(self._stream, self._coding)
            if head.tag > self._last_tag:
                return None
            if head.tag == _PIXEL_DATA:
                return head
            if head.tag in _FLOAT_PIXELS:
                raise SegFileError("its pixels are floating-point numbers")
            if head.tag == _PER_FRAME_GROUPS and not self._reads_frames and head.length != UNDEFINED:
                self._stream.skip(head.length)
            elif head.tag == _PER_FRAME_GROUPS:
                self._frames = self._frame_records(head)
            elif head.tag == _EXTENDED_OFFSETS:
                self._extended_offsets = self._value(head)
            elif head.tag == _EXTENDED_LENGTHS:
                self._value(head)
            else:
                self._content += start
                self._content += self._value(head)
        raise SegFileError(f"it has more than {_MOST_ATTRIBUTES} attributes")

    def _value(self, head: Head) -> bytes:
        most = _LARGEST_HEADER - len(self._content)
        if head.length == UNDEFINED:
            is_unknown = head.vr == b"UN" and not self._coding.is_implicit
            return take_undefined(self._stream, IMPLICIT if is_unknown else self._coding, most)
        if head.length > self._stream.most:
            raise CutShortError("it is cut short: the file ends in the middle of an element")
        if head.length > most:
            raise SegFileError(f"its attributes take more than {_LARGEST_HEADER >> 20} MB")
        return self._stream.take(head.length)

    def _frame_records(self, head: Head) -> FrameRecords:
        so_far = Elements(bytes(self._content), 0, len(self._content), self._coding)
        frame_count = frame_count_of(so_far)
        coding = IMPLICIT if head.vr == b"UN" and not self._coding.is_implicit else self._coding
        return read_frame_records(
            self._items(head.length, coding, frame_count),
            coding,
            so_far.first(_SHARED_GROUPS),
            is_label_map=so_far.text(_SEGMENTATION_TYPE) == "LABELMAP",
        )

    def _items(self, length: int, coding: Coding, most: int) -> Iterator[bytes]:
        """Yield the content of each item of the sequence, up to so many."""
        stream, consumed, count, head_in = self._stream, 0, 0, ITEM_HEAD[coding.order].unpack
        while length == UNDEFINED or consumed < length:
            group, element, item_length = head_in(stream.take(8))
            if group << 16 | element == SEQUENCE_END:
                break
            if group << 16 | element != ITEM:
                raise SegFileError(f"{tag_text(group << 16 | element)} stands where an item was due")
            count += 1
            if count > most:
                raise SegFileError(f"Number of Frames is {most}, Per-Frame Functional Groups Sequence has more items")
            content = self._item(item_length, coding)
            consumed += 8 + len(content)
            yield content

    def _item(self, length: int, coding: Coding) -> bytes:
        if length == UNDEFINED:
            return take_undefined(self._stream, coding, _LARGEST_FRAME_ITEM, in_item=True)
        if length > _LARGEST_FRAME_ITEM:
            raise SegFileError("the groups of a frame take more than 1 MB")
        return self._stream.take(length)


def frame_count_of(elements: Elements) -> int:
    """Return Number of Frames (0028,0008), 1 where it is not stated; raises `SegFileError`."""
    text = elements.text(_NUMBER_OF_FRAMES)
    try:
        count = int(text or 1)
    except ValueError as error:
        raise SegFileError(f"Number of Frames cannot be read ({text[:20]!r})") from error
    if not 1 <= count <= MOST_FRAMES:
        raise SegFileError(f"its Number of Frames is {count}")
    return count
